import {
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { useFormat } from "../format";
import { useShortcuts } from "../keys";
import { ErrorState, Skeleton } from "../states";
import { parseAnchor } from "./anchor";
import { LogRow, type SectionHead } from "./LogRow";
import { LogToolbar } from "./LogToolbar";
import { type LogReader, LogWindow } from "./LogWindow";
import { type Fold, RowMap } from "./RowMap";
import { useScroller } from "./useScroller";
import { type Matches, useSearch } from "./useSearch";
import { useSelection } from "./useSelection";
import "./log.css";

export interface LogSectionInfo {
  name: string;
  start_line: number;
  end_line: number | null;
  duration_ms: number | null;
  collapsed: boolean;
}

interface Props {
  /** Accessible name of the log. */
  label: string;
  read: LogReader;
  search: (query: string, signal: AbortSignal) => Promise<Matches>;
  sections: readonly LogSectionInfo[];
  /** Grows whenever the source says that something was added. */
  tick: number;
  /** True while more lines may come. */
  live: boolean;
  dark: boolean;
  rawUrl: string;
  rawName: string;
  /** Line shown first when the address names none: the failing line. */
  focusLine?: number | null | undefined;
}

const ROW = 20;

/** A log of any length: windows of lines, folded sections, search, follow, links. */
export function LogViewer(props: Props) {
  const { read, sections, tick, live } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const [version, setVersion] = useState(0);
  const [wrap, setWrap] = useState(false);
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const box = useRef<HTMLDivElement>(null);
  const [mounted, setMounted] = useState(false);
  const setBox = useCallback((element: HTMLDivElement | null) => {
    box.current = element;
    setMounted(element !== null);
  }, []);
  const input = useRef<HTMLInputElement>(null);
  const bump = useCallback(() => setVersion((v) => v + 1), []);
  const log = useMemo(() => new LogWindow(read, bump), [read, bump]);
  const rows = useMemo(() => new RowMap(ROW), [log]); // eslint-disable-line react-hooks/exhaustive-deps -- a new log needs a new map

  const heads = useMemo(() => sectionHeads(sections, toggled), [sections, toggled]);
  rows.setTotal(log.total);
  rows.setFolds(foldsOf(sections, heads, log.total));

  const location = useLocation();
  const anchored = parseAnchor(location.hash) !== null;
  const [follow, setFollow] = useState(live && !anchored);
  const pause = useCallback(() => setFollow(false), []);
  const scroller = useScroller(box, mounted, rows, version, pause);
  const { scrollToLine, toBottom } = scroller;

  useEffect(() => {
    void log.refresh();
  }, [log, tick]);

  // While a live log's stream is silent the tail is still asked for now and then.
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => void log.refresh(), 3000);
    return () => clearInterval(timer);
  }, [log, live]);

  useLayoutEffect(() => {
    if (follow && log.known && mounted) toBottom();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only growth and switching on move the view
  }, [follow, log.total, log.known, mounted]);

  const unfold = useCallback(
    (line: number) => {
      const around = sections.filter(
        (s, i) => line > s.start_line && line <= (s.end_line ?? Infinity) && heads.get(i)?.folded,
      );
      if (around.length === 0) return;
      setToggled((old) => {
        const next = new Map(old);
        for (const section of around) next.set(sectionKey(section), false);
        return next;
      });
    },
    [sections, heads],
  );

  const selection = useSelection(log, location.hash, read, (line) => {
    pause();
    unfold(line);
    // After the fold state was drawn the line has its final place.
    requestAnimationFrame(() => scrollToLine(line, "center"));
  });

  useFocusLine(log.known && !anchored && !live ? props.focusLine : null, (line) => {
    unfold(line);
    requestAnimationFrame(() => scrollToLine(line, "center"));
  });

  const search = useSearch(props.search, () => rows.lineAtY(scroller.top()));
  const matchLine = search.current?.line ?? null;
  useEffect(() => {
    if (matchLine === null) return;
    // Unfolding changes where the line is: it is scrolled to one frame later.
    let frame = requestAnimationFrame(() => {
      pause();
      unfold(matchLine);
      frame = requestAnimationFrame(() => scrollToLine(matchLine, "center"));
    });
    return () => cancelAnimationFrame(frame);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- moves when the match changes, not when folds do
  }, [matchLine, search.at]);

  const group = t("keys.log");
  useShortcuts([
    { keys: "/", label: t("log.search"), group, run: () => input.current?.focus() },
    { keys: "n", label: t("log.next"), group, run: () => search.step(1) },
    { keys: "N", label: t("log.previous"), group, run: () => search.step(-1) },
    { keys: "f", label: t("log.follow"), group, run: () => live && setFollow((on) => !on) },
    { keys: "w", label: t("log.wrap"), group, run: () => toggleWrap(!wrap) },
  ]);

  const toggleWrap = (on: boolean) => {
    const line = rows.lineAtY(scroller.top());
    rows.forgetHeights();
    setWrap(on);
    requestAnimationFrame(() => scrollToLine(line, "top"));
  };

  const foldAll = () => {
    const anyOpen = [...heads.values()].some((h) => !h.folded);
    setToggled(new Map(sections.map((s) => [sectionKey(s), anyOpen])));
  };

  const lines: number[] = [];
  for (let rank = scroller.from; rank < scroller.to; rank += 1) lines.push(rows.lineAt(rank));
  const firstLine = lines[0] ?? 0;
  const lastLine = (lines.at(-1) ?? -1) + 1;
  useEffect(() => {
    if (log.known && lastLine > firstLine && log.error === null) log.need(firstLine, lastLine);
  }, [log, log.known, log.error, firstLine, lastLine, version]);

  useMeasuredRows(box, rows, wrap, scroller.compensate, scroller.top, bump);

  const headByLine = useMemo(() => {
    const map = new Map<number, SectionHead>();
    sections.forEach((s, i) => {
      const head = heads.get(i);
      if (head && !map.has(s.start_line)) map.set(s.start_line, head);
    });
    return map;
  }, [sections, heads]);

  const onFold = useCallback(
    (index: number) => {
      const section = sections[index];
      if (!section) return;
      setToggled((old) =>
        new Map(old).set(sectionKey(section), !(heads.get(index)?.folded ?? false)),
      );
    },
    [sections, heads],
  );

  if (!log.known) {
    if (log.error === null) return <Skeleton rows={10} />;
    return <ErrorState error={log.error} retry={() => void log.refresh()} />;
  }
  return (
    <div className="log">
      <LogToolbar
        search={search}
        inputRef={input}
        lines={log.total}
        bytes={log.bytes}
        wrap={wrap}
        setWrap={toggleWrap}
        follow={follow}
        canFollow={live}
        setFollow={setFollow}
        hasSections={sections.length > 0}
        foldAll={foldAll}
        toTop={scroller.toTop}
        toBottom={() => {
          scroller.toBottom();
          if (live) setFollow(true);
        }}
        rawUrl={props.rawUrl}
        rawName={props.rawName}
        link={selection.link}
      />
      {log.error !== null && <ErrorState error={log.error} retry={() => log.retry()} />}
      <div
        ref={setBox}
        className="log-box"
        role="region"
        aria-label={props.label}
        tabIndex={0}
        onKeyDown={(event) => {
          const page = (box.current?.clientHeight ?? 400) - ROW * 2;
          const moves: Record<string, () => void> = {
            ArrowDown: () => scroller.scrollBy(ROW),
            ArrowUp: () => scroller.scrollBy(-ROW),
            PageDown: () => scroller.scrollBy(page),
            PageUp: () => scroller.scrollBy(-page),
            Home: () => scroller.toTop(),
            End: () => scroller.toBottom(),
          };
          const move =
            event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
          if (!move) return;
          event.preventDefault();
          move();
        }}
      >
        {log.total === 0 && <p className="log-empty">{live ? t("log.waiting") : t("log.empty")}</p>}
        <div
          className={wrap ? "log-spacer wrap" : "log-spacer"}
          style={{ height: scroller.spacer }}
        >
          <div className="log-layer" style={{ transform: `translateY(${scroller.layer}px)` }}>
            {lines.map((no) => (
              <LogRow
                key={no}
                no={no}
                top={rows.top(no) - scroller.base}
                line={log.rendered(no)}
                section={headByLine.get(no)}
                selected={selection.from !== null && no >= selection.from && no <= selection.to}
                query={search.query}
                current={no === matchLine}
                dark={props.dark}
                wrap={wrap}
                t={t}
                format={format}
                onSelect={selection.select}
                onFold={onFold}
              />
            ))}
          </div>
        </div>
      </div>
      {live && !follow && (
        <button type="button" className="log-resume" onClick={() => setFollow(true)}>
          {t("log.resume")}
        </button>
      )}
    </div>
  );
}

function sectionKey(section: LogSectionInfo): string {
  return `${section.start_line}:${section.name}`;
}

function sectionHeads(
  sections: readonly LogSectionInfo[],
  toggled: ReadonlyMap<string, boolean>,
): Map<number, SectionHead> {
  return new Map(
    sections.map((s, index) => [
      index,
      {
        index,
        name: s.name,
        durationMs: s.duration_ms,
        folded: toggled.get(sectionKey(s)) ?? s.collapsed,
        open: s.end_line === null,
      },
    ]),
  );
}

/** A folded section keeps its header line. */
function foldsOf(
  sections: readonly LogSectionInfo[],
  heads: ReadonlyMap<number, SectionHead>,
  total: number,
): Fold[] {
  return sections.flatMap((s, i) =>
    heads.get(i)?.folded ? [{ from: s.start_line + 1, to: (s.end_line ?? total) - 1 }] : [],
  );
}

/** Brings one line into view, once. */
function useFocusLine(line: number | null | undefined, show: (line: number) => void): void {
  const done = useRef(false);
  useEffect(() => {
    if (done.current || line === null || line === undefined) return;
    done.current = true;
    show(line);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once
  }, [line]);
}

/** Wrapped rows have heights of their own: measured after drawing, with the view kept still. */
function useMeasuredRows(
  box: RefObject<HTMLDivElement | null>,
  rows: RowMap,
  wrap: boolean,
  compensate: (px: number) => void,
  top: () => number,
  changed: () => void,
): void {
  useLayoutEffect(() => {
    if (!wrap || !box.current) return;
    let above = 0;
    let any = false;
    for (const row of box.current.querySelectorAll<HTMLElement>("[data-line]")) {
      const line = Number(row.dataset.line);
      const isAbove = rows.top(line) < top();
      const delta = rows.measure(line, row.offsetHeight);
      if (delta !== 0) any = true;
      if (isAbove) above += delta;
    }
    if (above !== 0) compensate(above);
    if (any) changed();
  });
}
