import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { Dropdown } from "antd";
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useShortcuts } from "../keys";
import { copyText, Icon } from "../ui";
import { csvOf, download, markdownOf } from "./exports";
import "./grid.css";

export interface Column<T> {
  key: string;
  title: string;
  /** The heading is only for screen readers (columns of buttons). */
  hiddenTitle?: boolean;
  /** CSS grid track: `120px`, `minmax(160px, 1fr)`. */
  width: string;
  cell: (row: T) => ReactNode;
  /** Raw value for export; without it the column is left out of exports. */
  value?: (row: T) => string | number | null;
  align?: "end";
  /** Sorts by `value` when the whole list is at hand, or by the server with `order`. */
  sortable?: boolean;
}

/** The column a list is ordered by. */
export interface Order {
  key: string;
  down: boolean;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  rowKey: (row: T) => string;
  /** Where Enter and a click on the row lead. */
  href?: (row: T) => string;
  onOpen?: (row: T) => void;
  empty: ReactNode;
  /** Number of rows there are in all, when known. */
  total?: number;
  /** What the list shows (filter, order): when it changes, reading begins at the top again. */
  view?: string;
  more?: {
    load: () => void;
    busy: boolean;
    /** Loads by itself when the reader comes near the end (long lists). */
    auto?: boolean;
  } | null;
  /** The server orders the rows: the heads only ask for it. */
  order?: { by: Order | null; set: (by: Order | null) => void };
  /** Name of exported files; no export menu without it. */
  exportName?: string;
  rowHeight?: number;
  /** Highlights rows that need attention. */
  rowTone?: (row: T) => string | undefined;
  /** Only one grid of a page owns `j` and `k`. */
  keys?: boolean;
}

const VIRTUAL_FROM = 120;
/** So many rows before the end the next page is asked for. */
const NEAR_END = 150;
/** Rows kept ready above and below those that are seen. */
const OVERSCAN = 6;
/** Between two columns, and on both sides of a row: as the style sheet has them, px. */
const GAP = 14;
/** Height of the headings before they are measured, px. */
const HEAD = 32;

/** A dense list: keyboard rows, sorting, export; only the visible rows exist once there are many. */
export function DataGrid<T>(props: Props<T>) {
  const { rows, columns, rowKey, href, onOpen } = props;
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [active, setActive] = useState(-1);
  const [ownSort, setOwnSort] = useState<Order | null>(null);
  const { order, more } = props;
  const sort = order ? order.by : ownSort;
  const setSort = order ? order.set : setOwnSort;
  const box = useRef<HTMLDivElement>(null);
  const [headHeight, setHeadHeight] = useState(HEAD);
  const measureHead = useCallback((head: HTMLElement | null) => {
    if (head && head.offsetHeight > 0) setHeadHeight(head.offsetHeight);
  }, []);
  const sorted = useMemo(
    () => (order ? rows : sortRows(rows, columns, ownSort)),
    [rows, columns, ownSort, order],
  );
  const height = props.rowHeight ?? 38;
  const isVirtual = sorted.length > VIRTUAL_FROM;
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by hand below
  const virtual = useVirtualizer({
    count: isVirtual ? sorted.length : 0,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
    // The headings stand above the first row and stay over the rows that scroll.
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
    rangeExtractor: useCallback((range: Range) => withActive(range, active), [active]),
  });
  const { view } = props;
  const [seenView, setSeenView] = useState(view);
  if (view !== seenView) {
    setSeenView(view);
    setActive(-1);
  }
  useEffect(() => {
    box.current?.scrollTo?.({ top: 0 });
  }, [view]);
  const lastShown = isVirtual ? (virtual.range?.endIndex ?? 0) : sorted.length;
  const wantsMore = Boolean(more?.auto && !more.busy && lastShown >= sorted.length - NEAR_END);
  const loadMore = useRef(more?.load);
  useEffect(() => {
    loadMore.current = more?.load;
  });
  useEffect(() => {
    if (wantsMore && sorted.length > 0) loadMore.current?.();
  }, [wantsMore, sorted.length]);
  const open = useCallback(
    (row: T | undefined) => {
      if (!row) return;
      if (onOpen) onOpen(row);
      else if (href) void navigate(href(row));
    },
    [href, navigate, onOpen],
  );
  const toFocus = useRef<number | null>(null);
  const move = (step: Step) => {
    const screen = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / height) - 2);
    const next = Math.max(0, Math.min(sorted.length - 1, placeAfter(step, active, screen)));
    setActive(next);
    toFocus.current = next;
    if (isVirtual) virtual.scrollToIndex(next);
  };
  // The row exists once it was drawn, and that may take more than one frame.
  useEffect(() => {
    if (toFocus.current === null) return;
    const row = box.current?.querySelector<HTMLElement>(`[data-row="${toFocus.current}"]`);
    if (!row) return;
    toFocus.current = null;
    row.focus({ preventScroll: isVirtual });
  });
  const group = t("keys.list");
  useShortcuts(
    [
      { keys: "j", label: t("grid.next"), group, run: () => move(1) },
      { keys: "k", label: t("grid.previous"), group, run: () => move(-1) },
    ],
    props.keys ?? true,
  );
  const canOpen = Boolean(href ?? onOpen);
  // Rows keep what they were drawn with while others scroll: their handlers never change.
  const act = useRef({ open, move });
  useEffect(() => {
    act.current = { open, move };
  });
  const onOpenRow = useCallback((row: T) => act.current.open(row), []);
  const onMove = useCallback((step: Step) => act.current.move(step), []);
  const renderRow = (row: T, index: number, top: number | null) => (
    <Row
      key={rowKey(row)}
      row={row}
      index={index}
      top={top}
      height={height}
      columns={columns}
      tone={props.rowTone?.(row)}
      isFirst={index === Math.max(0, active)}
      open={canOpen ? onOpenRow : null}
      move={onMove}
      focus={setActive}
    />
  );

  return (
    <div className="grid-outer">
      <div
        ref={box}
        role="grid"
        aria-label={props.label}
        aria-rowcount={rowCount(props.total, sorted.length, Boolean(more))}
        className={isVirtual ? "grid virtual" : "grid"}
        // Without rows nothing in it takes the keyboard, and a wide heading still has to scroll.
        {...(sorted.length === 0 ? { tabIndex: 0 } : {})}
      >
        <div
          ref={measureHead}
          role="row"
          aria-rowindex={1}
          className="grid-head"
          style={{ gridTemplateColumns: templateOf(columns), minWidth: leastWidth(columns) }}
        >
          {columns.map((column) => (
            <HeadCell key={column.key} column={column} sort={sort} setSort={setSort} />
          ))}
        </div>
        {sorted.length === 0 ? (
          <div role="row">
            <div role="gridcell">{props.empty}</div>
          </div>
        ) : isVirtual ? (
          <div
            role="presentation"
            style={{
              position: "relative",
              height: virtual.getTotalSize(),
              minWidth: leastWidth(columns),
            }}
          >
            {virtual.getVirtualItems().map((item) => {
              const row = sorted[item.index];
              return row === undefined ? null : renderRow(row, item.index, item.start - headHeight);
            })}
          </div>
        ) : (
          sorted.map((row, index) => renderRow(row, index, null))
        )}
      </div>
      {sorted.length > 0 && (
        <div className="grid-foot">
          {(props.total !== undefined || !more) && (
            <span className="nums">{t("grid.count", { count: props.total ?? sorted.length })}</span>
          )}
          {more && <span className="nums">{t("grid.loaded", { count: sorted.length })}</span>}
          {props.more && (
            <button
              type="button"
              className="icon-button framed"
              onClick={props.more.load}
              disabled={props.more.busy}
            >
              {props.more.busy ? t("state.loading") : t("grid.more")}
            </button>
          )}
          <span className="grow" />
          {props.exportName && (
            <ExportMenu name={props.exportName} rows={sorted} columns={columns} />
          )}
        </div>
      )}
    </div>
  );
}

/** Rows to go on by, or where to go. */
type Step = number | "first" | "last" | "screenUp" | "screenDown";

const STEPS: Record<string, Step> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: "screenDown",
  PageUp: "screenUp",
  Home: "first",
  End: "last",
};

function placeAfter(step: Step, at: number, screen: number): number {
  if (step === "first") return 0;
  if (step === "last") return Number.MAX_SAFE_INTEGER;
  if (step === "screenUp") return at - screen;
  if (step === "screenDown") return at + screen;
  return at + step;
}

/**
 * What is seen, and the row the keyboard is at: it stays in the page while others scroll by, so
 * that neither the focus nor the way back into the list is lost.
 */
function withActive(range: Range, active: number): number[] {
  const shown = defaultRangeExtractor(range);
  const first = shown[0] ?? 0;
  const keep = Math.max(0, active);
  if (keep >= range.count || shown.includes(keep)) return shown;
  return keep < first ? [keep, ...shown] : [...shown, keep];
}

/** Rows with the headings for screen readers; -1 is their "not known". */
export function rowCount(total: number | undefined, loaded: number, hasMore: boolean): number {
  if (total !== undefined) return total + 1;
  return hasMore ? -1 : loaded + 1;
}

interface RowProps<T> {
  row: T;
  index: number;
  /** Place in a virtual list; null when the row stands in the flow. */
  top: number | null;
  height: number;
  columns: readonly Column<T>[];
  tone: string | undefined;
  /** The one row the tab key reaches. */
  isFirst: boolean;
  open: ((row: T) => void) | null;
  move: (step: Step) => void;
  focus: (index: number) => void;
}

function DrawRow<T>({
  row,
  index,
  top,
  height,
  columns,
  tone,
  isFirst,
  open,
  move,
  focus,
}: RowProps<T>) {
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter" && open) open(row);
    else if (event.key in STEPS && !event.ctrlKey && !event.metaKey) move(STEPS[event.key] ?? 0);
    else return;
    event.preventDefault();
  };
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-row={index}
      tabIndex={isFirst ? 0 : -1}
      className={`grid-row${open ? " open" : ""}${tone ? ` tone-${tone} toned` : ""}`}
      style={{
        gridTemplateColumns: templateOf(columns),
        minWidth: leastWidth(columns),
        minHeight: height,
        ...(top === null ? {} : { position: "absolute", top, left: 0, right: 0, height }),
      }}
      onFocus={() => focus(index)}
      onKeyDown={onKey}
      onClick={(event) => {
        const target = event.target as Element;
        if (open && !target.closest("a,button,input,label") && !getSelection()?.toString())
          open(row);
      }}
    >
      {columns.map((column) => (
        <div key={column.key} role="gridcell" className={column.align === "end" ? "end" : ""}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

/** Scrolling moves rows; those that stay are not drawn again. */
const Row = memo(DrawRow) as typeof DrawRow;

const templateOf = <T,>(columns: readonly Column<T>[]): string =>
  columns.map((c) => c.width).join(" ");

/**
 * What the columns need at least, px: in a narrower page the list moves sideways as a whole, and no
 * column is cut.
 */
export const leastWidth = <T,>(columns: readonly Column<T>[]): number =>
  columns.reduce((all, { width }) => all + Number(/\d+(?=px)/.exec(width)?.[0] ?? 0), 0) +
  GAP * (columns.length + 1);

function HeadCell<T>({
  column,
  sort,
  setSort,
}: {
  column: Column<T>;
  sort: Order | null;
  setSort: (sort: Order | null) => void;
}) {
  const mine = sort?.key === column.key ? sort : null;
  const order = mine ? (mine.down ? "descending" : "ascending") : "none";
  return (
    <div
      role="columnheader"
      className={column.align === "end" ? "end" : ""}
      {...(column.sortable ? { "aria-sort": order } : {})}
    >
      {column.sortable ? (
        <button
          type="button"
          onClick={() =>
            setSort(
              mine
                ? mine.down
                  ? null
                  : { ...mine, down: true }
                : { key: column.key, down: false },
            )
          }
        >
          {column.title}
          <span aria-hidden="true">{mine ? (mine.down ? "↓" : "↑") : ""}</span>
        </button>
      ) : column.hiddenTitle ? (
        <span className="visually-hidden">{column.title}</span>
      ) : (
        column.title
      )}
    </div>
  );
}

function ExportMenu<T>({
  name,
  rows,
  columns,
}: {
  name: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
}) {
  const { t } = useTranslation();
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: [
          { key: "csv", label: t("grid.csv") },
          { key: "markdown", label: t("grid.markdown") },
        ],
        onClick: ({ key }) => {
          if (key === "csv") download(`${name}.csv`, csvOf(rows, columns), "text/csv");
          else void copyText(markdownOf(rows, columns));
        },
      }}
    >
      <button type="button" className="icon-button">
        <Icon name="download" size={13} />
        {t("grid.export")}
      </button>
    </Dropdown>
  );
}

function sortRows<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  sort: Order | null,
): readonly T[] {
  const value = sort ? columns.find((c) => c.key === sort.key)?.value : undefined;
  if (!sort || !value) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = value(a);
    const y = value(b);
    // Unknown values stay at the end in both directions.
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return (
      sign *
      (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)))
    );
  });
}
