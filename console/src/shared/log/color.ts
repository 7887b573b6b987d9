import type { CSSProperties } from "react";
import { DEFAULT_COLOR, type Style, TRUE_COLOR } from "./ansi";

type Rgb = [number, number, number];

/** The fixed part of the 256-colour palette: a 6×6×6 cube and 24 greys. */
export function paletteRgb(index: number): Rgb {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (n: number): number => (n === 0 ? 0 : 55 + n * 40);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

/** WCAG relative luminance. */
export function luminance([r, g, b]: Rgb): number {
  const part = (value: number): number => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

export function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Luminance of the log's background in both themes (tokens `log-canvas`). */
const CANVAS = { light: 0.97, dark: 0.005 };
const READABLE = 4.5;

/** Moves a colour towards black or white until it can be read on the log's background. */
export function readable(rgb: Rgb, dark: boolean): Rgb {
  const canvas = dark ? CANVAS.dark : CANVAS.light;
  const goal = dark ? 255 : 0;
  let color = rgb;
  for (let step = 0; step < 20 && contrast(luminance(color), canvas) < READABLE; step += 1) {
    color = color.map((c) => Math.round(c + (goal - c) * 0.15)) as Rgb;
  }
  return color;
}

const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

function rgbOf(color: number): Rgb {
  if (color < TRUE_COLOR) return paletteRgb(color);
  const bits = color - TRUE_COLOR;
  return [(bits >> 16) & 255, (bits >> 8) & 255, bits & 255];
}

/** Inline style of a run. The 16 named colours come from the theme, the rest is made readable. */
export function runStyle(style: Style, dark: boolean): CSSProperties {
  const out: CSSProperties = {};
  const fg = style.inverse ? style.bg : style.fg;
  const bg = style.inverse ? (style.fg === DEFAULT_COLOR ? 7 : style.fg) : style.bg;
  if (bg !== DEFAULT_COLOR) {
    // Text on a coloured ground: whichever of the two ends can be read on it.
    if (bg < 16) {
      out.background = `var(--ansi-${bg})`;
      out.color = "var(--log-canvas)";
    } else {
      const ground = rgbOf(bg);
      out.background = css(ground);
      out.color = luminance(ground) > 0.18 ? "#000" : "#fff";
    }
  } else if (fg !== DEFAULT_COLOR) {
    out.color = fg < 16 ? `var(--ansi-${fg})` : css(readable(rgbOf(fg), dark));
  }
  if (style.bold) out.fontWeight = 700;
  if (style.italic) out.fontStyle = "italic";
  if (style.dim && bg === DEFAULT_COLOR && fg === DEFAULT_COLOR) out.color = "var(--log-number)";
  const lines = [style.underline ? "underline" : "", style.strike ? "line-through" : ""];
  const decoration = lines.filter(Boolean).join(" ");
  if (decoration) out.textDecoration = decoration;
  return out;
}
