import { type Glyph, glyphOf, toneOf } from "./status";
import "./status.css";

const PATHS: Record<Exclude<Glyph, "spin">, string> = {
  check: "M4.8 8.3 7 10.4l4.2-4.6",
  cross: "m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2",
  bang: "M8 4.6v4M8 11.2v.1",
  pause: "M6.4 5.4v5.2m3.2-5.2v5.2",
  dot: "M8 8v.01",
  play: "M6.6 5.2 10.8 8l-4.2 2.8z",
  slash: "m5 11 6-6",
  skip: "M5 5.4 7.8 8 5 10.6M8.6 5.4 11.4 8l-2.8 2.6",
  clock: "M8 5v3.2l2.1 1.3",
  back: "M6.8 5 4.6 7.2l2.2 2.2M4.8 7.2h4.1a2.1 2.1 0 0 1 0 4.2H7.4",
};

/** State as a disc with a shape of its own, so that it never speaks by colour alone. */
export function StatusIcon({
  state,
  size = 16,
  label,
}: {
  state: string;
  size?: number;
  label?: string;
}) {
  const glyph = glyphOf(state);
  const named =
    label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label };
  return (
    <svg
      className={`status-icon tone-${toneOf(state)}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      {...named}
    >
      <circle className="status-disc" cx="8" cy="8" r="7" />
      {glyph === "spin" ? (
        <path className="status-spin" d="M8 4.2a3.8 3.8 0 1 1-3.8 3.8" />
      ) : (
        <path className={`status-glyph glyph-${glyph}`} d={PATHS[glyph]} />
      )}
    </svg>
  );
}
