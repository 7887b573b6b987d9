import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { RowMap } from "./RowMap";

/** Browsers stop drawing elements somewhere above ten million pixels: beyond this we scale. */
const MAX_PX = 8_000_000;
const OVERSCAN = 12;
const BLOCK_PX = 20_000;
const MAX_ROWS = 400;

export interface Scroller {
  /** First and last line to draw (visible ranks, `to` exclusive). */
  from: number;
  to: number;
  /** Height of the element that gives the scroll bar its length. */
  spacer: number;
  /** Place of the layer of rows inside the scrolled element. */
  layer: number;
  /** Subtracted from `rowMap.top(line)` to get the place inside the layer; seldom changes. */
  base: number;
  atBottom: boolean;
  scrollToLine: (line: number, where: "center" | "top") => void;
  scrollBy: (px: number) => void;
  toTop: () => void;
  toBottom: () => void;
  /** Keeps the view still when rows above it changed height by `px`. */
  compensate: (px: number) => void;
  top: () => number;
}

interface Place {
  top: number;
  viewport: number;
}

/**
 * Scrolling over a virtual height of any size. Up to `MAX_PX` the browser scrolls by itself; above
 * it the scroll bar is a map of the log, while wheel and keys move by true pixels.
 */
export function useScroller(
  ref: RefObject<HTMLDivElement | null>,
  /** The element is there: it comes with the first lines. */
  mounted: boolean,
  rows: RowMap,
  version: number,
  onUserUp: () => void,
): Scroller {
  const [place, setPlace] = useState<Place>({ top: 0, viewport: 600 });
  const topRef = useRef(0);
  const ownRef = useRef<number | null>(null);
  const upRef = useRef(onUserUp);
  useEffect(() => {
    upRef.current = onUserUp;
  });

  const height = rows.height;
  const spacer = Math.min(height, MAX_PX);
  const scaled = height > MAX_PX;

  const setTop = useCallback(
    (wanted: number) => {
      const element = ref.current;
      if (!element) return;
      const viewport = element.clientHeight;
      const full = rows.height;
      const range = Math.max(0, full - viewport);
      const top = Math.min(range, Math.max(0, wanted));
      const physical = Math.min(full, MAX_PX) - viewport;
      topRef.current = top;
      const target = full > MAX_PX && range > 0 ? (top / range) * physical : top;
      element.scrollTop = target;
      ownRef.current = element.scrollTop;
      setPlace({ top, viewport });
    },
    [ref, rows],
  );

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onScroll = () => {
      const viewport = element.clientHeight;
      if (ownRef.current !== null && Math.abs(element.scrollTop - ownRef.current) < 2) {
        ownRef.current = null;
        return;
      }
      ownRef.current = null;
      const full = rows.height;
      const physical = Math.min(full, MAX_PX) - viewport;
      const share = physical > 0 ? element.scrollTop / physical : 0;
      const top = full > MAX_PX ? share * (full - viewport) : element.scrollTop;
      if (top < topRef.current - 1) upRef.current();
      topRef.current = top;
      setPlace({ top, viewport });
    };
    const onWheel = (event: WheelEvent) => {
      if (rows.height <= MAX_PX || event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? rows.rowHeight : event.deltaMode === 2 ? 600 : 1;
      if (event.deltaY < 0) upRef.current();
      setTop(topRef.current + event.deltaY * unit);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    element.addEventListener("wheel", onWheel, { passive: false });
    const observer = new ResizeObserver(() =>
      setPlace({ top: topRef.current, viewport: element.clientHeight }),
    );
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", onScroll);
      element.removeEventListener("wheel", onWheel);
      observer.disconnect();
    };
  }, [ref, mounted, rows, setTop]);

  // The log grew or was folded: the scroll bar's length changed under the same place.
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    if (scaled || topRef.current > rows.height - element.clientHeight) setTop(topRef.current);
  }, [ref, rows, version, scaled, setTop]);

  // Rows keep their place inside a moving layer: scrolling draws new rows only.
  const base = scaled ? Math.floor(place.top / BLOCK_PX) * BLOCK_PX : 0;
  const first = rows.visible === 0 ? 0 : rows.rank(rows.lineAtY(place.top));
  // A box that failed to get a height would otherwise draw every line there is.
  const count = Math.min(MAX_ROWS, Math.ceil(place.viewport / rows.rowHeight) + 1);
  const scrollToLine = useCallback(
    (line: number, where: "center" | "top") => {
      const element = ref.current;
      if (!element) return;
      const room = where === "center" ? element.clientHeight / 2 - rows.rowHeight : 0;
      setTop(rows.top(line) - room);
    },
    [ref, rows, setTop],
  );

  return {
    from: Math.max(0, first - OVERSCAN),
    to: Math.min(rows.visible, first + count + OVERSCAN),
    spacer,
    layer: scaled ? physicalTop(place, height) - place.top + base : 0,
    base,
    atBottom: place.top + place.viewport >= height - rows.rowHeight,
    scrollToLine,
    scrollBy: (px) => {
      if (px < 0) onUserUp();
      setTop(topRef.current + px);
    },
    toTop: () => {
      onUserUp();
      setTop(0);
    },
    toBottom: () => setTop(rows.height),
    compensate: (px) => {
      if (px !== 0) setTop(topRef.current + px);
    },
    top: () => topRef.current,
  };
}

/** The element's own scrollTop that belongs to a virtual place. */
function physicalTop(place: Place, height: number): number {
  const range = Math.max(1, height - place.viewport);
  return (place.top / range) * (MAX_PX - place.viewport);
}
