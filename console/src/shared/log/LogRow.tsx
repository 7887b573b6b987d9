import { memo, type MouseEvent } from "react";
import type { TFunction } from "i18next";
import type { useFormat } from "../format";
import { Icon } from "../ui";
import { DEFAULT_COLOR, PLAIN, type RenderedLine, type Run, sameStyle } from "./ansi";
import { runStyle } from "./color";

/** A section that begins on a line. */
export interface SectionHead {
  index: number;
  name: string;
  durationMs: number | null;
  folded: boolean;
  open: boolean;
}

interface Props {
  no: number;
  top: number;
  line: RenderedLine | undefined;
  section: SectionHead | undefined;
  selected: boolean;
  query: string;
  current: boolean;
  dark: boolean;
  wrap: boolean;
  /** Handed down: sixty rows with hooks of their own would make scrolling slow. */
  t: TFunction;
  format: ReturnType<typeof useFormat>;
  onSelect: (no: number, extend: boolean) => void;
  onFold: (index: number) => void;
}

/** One line. Its text is text nodes only: nothing in a log can become markup. */
export const LogRow = memo(function LogRow(props: Props) {
  const { no, top, line, section, selected, current, wrap, t, format } = props;
  const select = (event: MouseEvent) => {
    event.preventDefault();
    props.onSelect(no, event.shiftKey);
  };
  const classes = ["log-row"];
  if (wrap) classes.push("wrap");
  if (selected) classes.push("selected");
  if (current) classes.push("current");
  if (section) classes.push("head");
  return (
    <div className={classes.join(" ")} style={{ top }} data-line={no}>
      <a
        className="log-no"
        href={`#L${no + 1}`}
        onClick={select}
        aria-label={t("log.line", { no: no + 1 })}
      >
        {no + 1}
      </a>
      <span className="log-fold">
        {section && (
          <button
            type="button"
            aria-expanded={!section.folded}
            aria-label={t(section.folded ? "log.unfold" : "log.foldOne", { name: section.name })}
            onClick={() => props.onFold(section.index)}
          >
            <Icon name={section.folded ? "right" : "down"} size={12} />
          </button>
        )}
      </span>
      <span className="log-text">
        {line === undefined ? (
          <span className="log-missing" />
        ) : (
          <>
            {markRuns(line.runs, props.query).map((piece, i) => (
              <Piece key={i} piece={piece} dark={props.dark} />
            ))}
            {line.omitted > 0 && (
              <span className="log-note">
                {t("log.omitted", { chars: format.integer(line.omitted) })}
              </span>
            )}
          </>
        )}
      </span>
      {section && (
        <span className="log-duration">
          {section.open
            ? t("log.open")
            : // Section marks carry whole seconds.
              section.durationMs === 0
              ? t("log.subsecond")
              : format.duration(section.durationMs)}
        </span>
      )}
    </div>
  );
});

interface MarkedRun extends Run {
  mark: boolean;
}

function Piece({ piece, dark }: { piece: MarkedRun; dark: boolean }) {
  const style = sameStyle(piece.style, PLAIN) ? undefined : runStyle(piece.style, dark);
  if (piece.mark)
    return <mark style={style?.fontWeight ? { fontWeight: 700 } : undefined}>{piece.text}</mark>;
  if (!style) return <>{piece.text}</>;
  const ground = piece.style.bg !== DEFAULT_COLOR || piece.style.inverse;
  return (
    <span style={style} className={ground ? "log-ground" : undefined}>
      {piece.text}
    </span>
  );
}

/** Cuts runs where the searched text begins and ends, also across colour changes. */
export function markRuns(runs: readonly Run[], query: string): MarkedRun[] {
  const needle = query.toLowerCase();
  if (needle === "") return runs.map((run) => ({ ...run, mark: false }));
  const hay = runs
    .map((run) => run.text)
    .join("")
    .toLowerCase();
  const marks: [number, number][] = [];
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + needle.length)) {
    marks.push([at, at + needle.length]);
  }
  if (marks.length === 0) return runs.map((run) => ({ ...run, mark: false }));
  const out: MarkedRun[] = [];
  let base = 0;
  let next = 0;
  for (const run of runs) {
    let from = 0;
    while (from < run.text.length) {
      while (next < marks.length && (marks[next]?.[1] ?? 0) <= base + from) next += 1;
      const [start, end] = marks[next] ?? [Infinity, Infinity];
      const inside = start <= base + from;
      const stop = Math.min(run.text.length, (inside ? end : start) - base);
      out.push({ text: run.text.slice(from, stop), style: run.style, mark: inside });
      from = stop;
    }
    base += run.text.length;
  }
  return out;
}
