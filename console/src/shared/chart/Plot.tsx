import { type KeyboardEvent, type PointerEvent, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  extent,
  lanes,
  linear,
  nearest,
  padded,
  pathOf,
  type Place,
  type Point,
  type Scale,
  spread,
  textWidth,
  ticks as roundTicks,
} from "./scale";
import "./chart.css";

/** One line or cloud of dots; `ink` is a number of the palette, the shape tells it apart too. */
export interface Series {
  key: string;
  label: string;
  points: readonly Point[];
  ink: 1 | 2 | 3 | 4 | 5 | 6;
  kind?: "line" | "step" | "dots";
  dash?: "long" | "short";
  /** Dots of these are filled; the others are rings. */
  filled?: (index: number) => boolean;
}

/** A level or date with a name: a straight line across the picture. */
export interface Mark {
  key: string;
  label: string;
  at: number;
  axis: "x" | "y";
  ink: 1 | 2 | 3 | 4 | 5 | 6;
}

interface Props {
  /** What the picture shows: its accessible name. */
  label: string;
  series: readonly Series[];
  marks?: readonly Mark[];
  height?: number;
  formatX: (x: number) => string;
  formatY: (y: number) => string;
  /** Ticks of the x axis; round numbers without it. */
  ticksX?: (domain: readonly [number, number], count: number) => number[];
  labelX: string;
  labelY: string;
}

const LEFT = 68;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 30;
/** Height of a lane of names above the lines, px. */
const LANE = 14;

/** Lines over an axis, with levels, a reading at the pointer or by arrow keys, and a data table. */
export function Plot(props: Props) {
  const { t } = useTranslation();
  const { series, marks = [] } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const clip = useId();
  const [cursor, setCursor] = useState<number | null>(null);
  const xs = extent([
    ...series.flatMap((s) => s.points.map((p) => p[0])),
    ...marks.filter((m) => m.axis === "x").map((m) => m.at),
  ]);
  const ys = extent([
    ...series.flatMap((s) => s.points.map((p) => p[1])),
    ...marks.filter((m) => m.axis === "y").map((m) => m.at),
  ]);
  if (!xs || !ys) return <p className="faint">{t("chart.nothing")}</p>;
  const x = linear(xs[0] === xs[1] ? padded(xs) : xs, [LEFT, width - RIGHT]);
  const upright = marks.filter((m) => m.axis === "x");
  const names = lanes(
    upright.map((m) => ({ at: x(m.at), width: textWidth(m.label) })),
    [LEFT, width - RIGHT],
  );
  // Names stand above the lines of the picture, which grows by what they take.
  const band = names.length === 0 ? 0 : LANE * (1 + Math.max(...names.map((n) => n.lane)));
  const height = (props.height ?? 260) + Math.max(0, band - LANE);
  const top = TOP + band;
  const y = linear(padded(ys), [height - BOTTOM, top]);
  const countX = Math.max(2, Math.floor((width - LEFT) / 96));
  const xTicks = (props.ticksX ?? roundTicks)(x.domain, countX);
  const yTicks = roundTicks(y.domain, Math.max(2, Math.floor(height / 52)));
  const read = cursor === null ? [] : readings(series, cursor);

  const onMove = (event: PointerEvent<SVGSVGElement>) => {
    const frame = event.currentTarget.getBoundingClientRect();
    const at = x.invert(event.clientX - frame.left);
    setCursor(Math.max(x.domain[0], Math.min(x.domain[1], at)));
  };
  const onKey = (event: KeyboardEvent) => {
    const step = (x.domain[1] - x.domain[0]) / 60;
    const from = cursor ?? x.domain[0];
    if (event.key === "ArrowRight") setCursor(Math.min(x.domain[1], from + step));
    else if (event.key === "ArrowLeft") setCursor(Math.max(x.domain[0], from - step));
    else if (event.key === "Escape") setCursor(null);
    else return;
    event.preventDefault();
  };
  return (
    <figure className="plot" ref={box}>
      <Legend series={series} />
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={props.label}
        tabIndex={0}
        onPointerMove={onMove}
        onPointerLeave={() => setCursor(null)}
        onKeyDown={onKey}
      >
        <clipPath id={clip}>
          <rect
            x={LEFT}
            y={top - 4}
            width={Math.max(0, width - LEFT - RIGHT)}
            height={height - top - BOTTOM + 8}
          />
        </clipPath>
        <Axes
          x={x}
          y={y}
          xTicks={xTicks}
          yTicks={yTicks}
          {...props}
          width={width}
          height={height}
        />
        <g clipPath={`url(#${clip})`}>
          {series.map((s) => (
            <Line key={s.key} series={s} x={x} y={y} />
          ))}
        </g>
        <Marks
          flat={marks.filter((m) => m.axis === "y")}
          upright={upright}
          names={names}
          x={x}
          y={y}
          width={width}
          height={height}
          top={top}
        />
        {cursor !== null && read.length > 0 && (
          <Cursor read={read} x={x} y={y} at={cursor} top={top} height={height} />
        )}
      </svg>
      <figcaption className="plot-reading" role="status">
        {read.length > 0 && (
          <>
            <b>{props.formatX(read[0]?.point[0] ?? 0)}</b>
            {read.map(({ series: s, point }) => (
              <span key={s.key} className={`ink-${s.ink}`}>
                <i aria-hidden="true" />
                {s.label} <b>{point[1] === null ? "–" : props.formatY(point[1])}</b>
              </span>
            ))}
          </>
        )}
      </figcaption>
      <DataTable {...props} />
    </figure>
  );
}

interface Reading {
  series: Series;
  point: Point;
}

/** The value of each line nearest to a place. */
function readings(series: readonly Series[], at: number): Reading[] {
  return series.flatMap((s) => {
    if (s.kind === "dots") return [];
    const point = nearest(s.points, at);
    return point ? [{ series: s, point }] : [];
  });
}

function useWidth(box: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watcher = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.max(280, Math.floor(entry.contentRect.width)));
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [box]);
  return width;
}

function Legend({ series }: { series: readonly Series[] }) {
  if (series.length < 2) return null;
  return (
    <ul className="plot-legend">
      {series.map((s) => (
        <li key={s.key} className={`ink-${s.ink}`}>
          <svg width="22" height="8" aria-hidden="true">
            {s.kind === "dots" ? (
              <circle className="plot-dot filled" cx="11" cy="4" r="3" />
            ) : (
              <path className={`plot-line ${s.dash ?? ""}`} d="M1 4H21" />
            )}
          </svg>
          {s.label}
        </li>
      ))}
    </ul>
  );
}

function Axes({
  x,
  y,
  xTicks,
  yTicks,
  width,
  height,
  formatX,
  formatY,
  labelX,
  labelY,
}: Props & {
  x: Scale;
  y: Scale;
  xTicks: number[];
  yTicks: number[];
  width: number;
  height: number;
}) {
  return (
    <g className="plot-axes" aria-hidden="true">
      {yTicks.map((tick) => (
        <g key={tick}>
          <path
            className={tick === 0 ? "plot-zero" : "plot-grid"}
            d={`M${LEFT} ${y(tick)}H${width - RIGHT}`}
          />
          <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
            {formatY(tick)}
          </text>
        </g>
      ))}
      {xTicks.map((tick) => (
        <g key={tick}>
          <path className="plot-tick" d={`M${x(tick)} ${height - BOTTOM}v4`} />
          <text x={x(tick)} y={height - BOTTOM + 17} textAnchor="middle">
            {formatX(tick)}
          </text>
        </g>
      ))}
      <path className="plot-frame" d={`M${LEFT} ${height - BOTTOM}H${width - RIGHT}`} />
      <text className="plot-axis-name" x={width - RIGHT} y={height - 2} textAnchor="end">
        {labelX}
      </text>
      <text className="plot-axis-name" x={4} y={TOP - 2}>
        {labelY}
      </text>
    </g>
  );
}

function Line({ series, x, y }: { series: Series; x: Scale; y: Scale }) {
  if (series.kind === "dots") {
    return (
      <g className={`ink-${series.ink}`}>
        {series.points.map(([px, py], i) =>
          py === null ? null : (
            <circle
              key={i}
              className={series.filled?.(i) ? "plot-dot filled" : "plot-dot"}
              cx={x(px)}
              cy={y(py)}
              r={3}
            />
          ),
        )}
      </g>
    );
  }
  return (
    <path
      className={`plot-line ink-${series.ink} ${series.dash ?? ""}`}
      d={pathOf(series.points, x, y, series.kind === "step")}
    />
  );
}

function Marks({
  flat,
  upright,
  names,
  x,
  y,
  width,
  height,
  top,
}: {
  flat: readonly Mark[];
  upright: readonly Mark[];
  names: readonly Place[];
  x: Scale;
  y: Scale;
  width: number;
  height: number;
  top: number;
}) {
  const places = spread(
    flat.map((m) => y(m.at) - 4),
    13,
    [top + 4, height - BOTTOM - 3],
  );
  return (
    <g aria-hidden="true">
      {flat.map((mark) => (
        <path
          key={mark.key}
          className={`plot-mark ink-${mark.ink}`}
          d={`M${LEFT} ${y(mark.at)}H${width - RIGHT}`}
        />
      ))}
      {upright.map((mark, i) => (
        <path
          key={mark.key}
          className={`plot-mark ink-${mark.ink}`}
          d={`M${x(mark.at)} ${laneTop(names[i])}V${height - BOTTOM}`}
        />
      ))}
      {flat.map((mark, i) => (
        <text
          key={mark.key}
          className={`plot-mark-name ink-${mark.ink}`}
          x={width - RIGHT - 3}
          y={places[i] ?? 0}
          textAnchor="end"
        >
          {mark.label}
        </text>
      ))}
      {upright.map((mark, i) => (
        <text
          key={mark.key}
          className={`plot-mark-name ink-${mark.ink}`}
          x={names[i]?.x ?? 0}
          y={laneTop(names[i]) + LANE - 4}
          textAnchor={names[i]?.side ?? "start"}
        >
          {mark.label}
        </text>
      ))}
    </g>
  );
}

/** The upper edge of the lane a name stands in; its line begins there. */
const laneTop = (place: Place | undefined): number => TOP - 8 + LANE * (place?.lane ?? 0);

function Cursor({
  read,
  x,
  y,
  at,
  top,
  height,
}: {
  read: Reading[];
  x: Scale;
  y: Scale;
  at: number;
  top: number;
  height: number;
}) {
  const place = read[0]?.point[0] ?? at;
  return (
    <g aria-hidden="true">
      <path className="plot-cursor" d={`M${x(place)} ${top}V${height - BOTTOM}`} />
      {read.map(({ series, point }) =>
        point[1] === null ? null : (
          <circle
            key={series.key}
            className={`plot-dot filled ink-${series.ink}`}
            cx={x(point[0])}
            cy={y(point[1])}
            r={3.5}
          />
        ),
      )}
    </g>
  );
}

const TABLE_ROWS = 400;

/** The same as numbers, for those who do not see the picture. */
function DataTable({ series, label, labelX, formatX, formatY }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const places = [...new Set(series.flatMap((s) => s.points.map((p) => p[0])))].sort(
    (a, b) => a - b,
  );
  const shown = places.slice(-TABLE_ROWS);
  const values = series.map((s) => new Map(s.points));
  return (
    <details className="plot-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("chart.table")}</summary>
      {open && (
        <div className="plot-table-box" tabIndex={0} role="region" aria-label={label}>
          <table>
            <thead>
              <tr>
                <th scope="col">{labelX}</th>
                {series.map((s) => (
                  <th key={s.key} scope="col">
                    {s.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((place) => (
                <tr key={place}>
                  <th scope="row">{formatX(place)}</th>
                  {values.map((map, i) => {
                    const value = map.get(place);
                    return (
                      <td key={series[i]?.key}>
                        {value === null || value === undefined ? "–" : formatY(value)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
          {places.length > shown.length && (
            <p className="faint">{t("chart.cut", { shown: shown.length, total: places.length })}</p>
          )}
        </div>
      )}
    </details>
  );
}
