/**
 * One stored log line to styled text. Colours and rewriting (SGR, CR, BS, TAB, `ESC[K`) are done;
 * every other control sequence is shown as nothing and never interpreted. The result is plain text
 * with styles: it becomes text nodes, so nothing a job prints can turn into markup.
 */

/** Colour: -1 the default, 0–255 the palette, from `TRUE_COLOR` on 24-bit RGB. */
export const DEFAULT_COLOR = -1;
export const TRUE_COLOR = 0x1000000;

export interface Style {
  readonly fg: number;
  readonly bg: number;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  readonly inverse: boolean;
}

export const PLAIN: Style = Object.freeze({
  fg: DEFAULT_COLOR,
  bg: DEFAULT_COLOR,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
});

export interface Run {
  text: string;
  style: Style;
}

export interface RenderedLine {
  runs: Run[];
  /** Style in force at the end: the next line begins with it. */
  end: Style;
  /** Characters left out because the line is too long to draw. */
  omitted: number;
}

/** Longer lines are cut for display; the download holds all of it. */
export const MAX_CELLS = 20_000;

const TAB = 8;

export function sameStyle(a: Style, b: Style): boolean {
  return (
    a === b ||
    (a.fg === b.fg &&
      a.bg === b.bg &&
      a.bold === b.bold &&
      a.dim === b.dim &&
      a.italic === b.italic &&
      a.underline === b.underline &&
      a.strike === b.strike &&
      a.inverse === b.inverse)
  );
}

/** The cells of the line being drawn, with a cursor that CR and BS move. */
class Cells {
  readonly chars: string[] = [];
  readonly styles: Style[] = [];
  cursor = 0;
  omitted = 0;

  put(ch: string, style: Style): void {
    if (this.cursor >= MAX_CELLS) {
      this.omitted += 1;
      return;
    }
    this.reach(this.cursor);
    this.chars[this.cursor] = ch;
    this.styles[this.cursor] = style;
    this.cursor += 1;
  }

  tab(): void {
    this.cursor = Math.min(MAX_CELLS, (Math.floor(this.cursor / TAB) + 1) * TAB);
    this.reach(this.cursor);
  }

  erase(mode: number): void {
    if (mode === 0) {
      this.chars.length = Math.min(this.chars.length, this.cursor);
      this.styles.length = this.chars.length;
    } else if (mode === 2) {
      this.chars.length = 0;
      this.styles.length = 0;
    } else if (mode === 1) {
      const last = Math.min(this.cursor, this.chars.length - 1);
      for (let i = 0; i <= last; i += 1) {
        this.chars[i] = " ";
        this.styles[i] = PLAIN;
      }
    }
  }

  private reach(length: number): void {
    while (this.chars.length < length) {
      this.chars.push(" ");
      this.styles.push(PLAIN);
    }
  }

  runs(): Run[] {
    const runs: Run[] = [];
    let from = 0;
    for (let i = 1; i <= this.chars.length; i += 1) {
      const style = this.styles[from] ?? PLAIN;
      if (i < this.chars.length && sameStyle(style, this.styles[i] ?? PLAIN)) continue;
      runs.push({ text: this.chars.slice(from, i).join(""), style });
      from = i;
    }
    return runs;
  }
}

// eslint-disable-next-line no-control-regex -- control characters are the subject here
const SPECIAL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export function renderLine(text: string, start: Style = PLAIN): RenderedLine {
  if (text.length <= MAX_CELLS && !SPECIAL.test(text)) {
    return { runs: text === "" ? [] : [{ text, style: start }], end: start, omitted: 0 };
  }
  const cells = new Cells();
  let style = start;
  let i = 0;
  while (i < text.length) {
    const code = text.codePointAt(i) ?? 0;
    const width = code > 0xffff ? 2 : 1;
    if (code === 0x1b || (code >= 0x80 && code <= 0x9f)) {
      const sequence = readSequence(text, i, code);
      if (sequence.final === "m") style = applySgr(style, sequence.params);
      else if (sequence.final === "K") cells.erase(Number(sequence.params || "0"));
      i = sequence.next;
      continue;
    }
    if (code === 0x0d) cells.cursor = 0;
    else if (code === 0x08) cells.cursor = Math.max(0, cells.cursor - 1);
    else if (code === 0x09) cells.tab();
    else if (isDirection(code)) {
      // Direction overrides can make text read as something else: they are named instead.
      for (const ch of `<U+${code.toString(16).toUpperCase()}>`) cells.put(ch, style);
    } else if (code >= 0x20 && code !== 0x7f) cells.put(text.slice(i, i + width), style);
    i += width;
  }
  return { runs: cells.runs(), end: style, omitted: cells.omitted };
}

function isDirection(code: number): boolean {
  return (
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  );
}

interface Sequence {
  /** `m` and `K` mean something; everything else is dropped. */
  final: string;
  params: string;
  next: number;
}

/** Reads one escape sequence (ECMA-48) at `at`; a broken one loses only its introducer. */
function readSequence(text: string, at: number, code: number): Sequence {
  const kind = code === 0x1b ? text[at + 1] : String.fromCharCode(code - 0x40);
  const body = code === 0x1b ? at + 2 : at + 1;
  if (kind === "[") return readCsi(text, body);
  if (kind !== undefined && "]PX^_".includes(kind)) {
    const end = stringEnd(text, body);
    return { final: "", params: "", next: end ?? body };
  }
  if (code !== 0x1b || kind === undefined) return { final: "", params: "", next: at + 1 };
  // Two-character and character-set sequences: intermediates 0x20–0x2f, then one final.
  let next = at + 1;
  while (next < text.length && isBetween(text, next, 0x20, 0x2f)) next += 1;
  return { final: "", params: "", next: isBetween(text, next, 0x30, 0x7e) ? next + 1 : at + 1 };
}

function readCsi(text: string, body: number): Sequence {
  let i = body;
  while (i < text.length && isBetween(text, i, 0x30, 0x3f)) i += 1;
  const params = text.slice(body, i);
  const hasIntermediate = isBetween(text, i, 0x20, 0x2f);
  while (i < text.length && isBetween(text, i, 0x20, 0x2f)) i += 1;
  if (!isBetween(text, i, 0x40, 0x7e)) return { final: "", params: "", next: body };
  const isPrivate = /^[<-?]/.test(params);
  const final = hasIntermediate || isPrivate ? "" : (text[i] ?? "");
  return { final, params, next: i + 1 };
}

function isBetween(text: string, at: number, low: number, high: number): boolean {
  const code = text.charCodeAt(at);
  return code >= low && code <= high;
}

/** Index after BEL or ST, or null when the string never ends on this line. */
function stringEnd(text: string, from: number): number | null {
  for (let i = from; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x07 || code === 0x9c) return i + 1;
    if (code === 0x1b && text[i + 1] === "\\") return i + 2;
  }
  return null;
}

/** Applies the parameters of `ESC[…m`; unknown numbers change nothing. */
export function applySgr(style: Style, params: string): Style {
  const next = { ...style };
  const parts = params === "" ? ["0"] : params.split(";");
  for (let i = 0; i < parts.length; i += 1) {
    const sub = (parts[i] ?? "").split(":");
    const n = Number(sub[0] === "" ? "0" : sub[0]);
    if (n === 38 || n === 48) {
      const inline = sub.length > 1;
      const args = inline ? colonArgs(sub) : parts.slice(i + 1, i + 5).map(Number);
      const color = extendedColor(args);
      if (color !== null) next[n === 38 ? "fg" : "bg"] = color;
      if (!inline) i += args[0] === 5 ? 2 : args[0] === 2 ? 4 : 0;
    } else if (n === 4 && sub.length > 1) next.underline = sub[1] !== "0";
    else simpleSgr(next, n);
  }
  return sameStyle(next, PLAIN) ? PLAIN : next;
}

/** `38:2::r:g:b` has an empty colour space before the three numbers; `38:2:r:g:b` has none. */
function colonArgs(sub: string[]): number[] {
  const args = sub.slice(1);
  if (args[0] === "2" && args.length >= 5) args.splice(1, 1);
  return args.map(Number);
}

function extendedColor(args: number[]): number | null {
  const byte = (value: number | undefined): boolean =>
    value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;
  if (args[0] === 5 && byte(args[1])) return args[1] ?? null;
  if (args[0] === 2 && byte(args[1]) && byte(args[2]) && byte(args[3])) {
    return TRUE_COLOR + ((args[1] ?? 0) << 16) + ((args[2] ?? 0) << 8) + (args[3] ?? 0);
  }
  return null;
}

type Mutable = { -readonly [K in keyof Style]: Style[K] };

function simpleSgr(style: Mutable, n: number): void {
  if (n === 0) Object.assign(style, PLAIN);
  else if (n === 1) style.bold = true;
  else if (n === 2) style.dim = true;
  else if (n === 3) style.italic = true;
  else if (n === 4 || n === 21) style.underline = true;
  else if (n === 7) style.inverse = true;
  else if (n === 9) style.strike = true;
  else if (n === 22) {
    style.bold = false;
    style.dim = false;
  } else if (n === 23) style.italic = false;
  else if (n === 24) style.underline = false;
  else if (n === 27) style.inverse = false;
  else if (n === 29) style.strike = false;
  else if (n >= 30 && n <= 37) style.fg = n - 30;
  else if (n === 39) style.fg = DEFAULT_COLOR;
  else if (n >= 40 && n <= 47) style.bg = n - 40;
  else if (n === 49) style.bg = DEFAULT_COLOR;
  else if (n >= 90 && n <= 97) style.fg = n - 82;
  else if (n >= 100 && n <= 107) style.bg = n - 92;
}

/** The text a reader sees, without styles: for search and copy. */
export function plainText(line: RenderedLine): string {
  return line.runs.map((run) => run.text).join("");
}
