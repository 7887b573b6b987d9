import { PLAIN, type RenderedLine, renderLine, sameStyle, type Style } from "./ansi";

export interface StoredLine {
  offset: number;
  text: string;
}

/** One answer of the server: lines from `from` on, and how long the log is now. */
export interface LogSlice {
  total_lines: number;
  total_bytes: number;
  complete: boolean;
  from: number;
  lines: { offset: number; text: string }[];
}

/** Reads lines; a negative `from` counts from the end. */
export type LogReader = (from: number, count: number) => Promise<LogSlice>;

export const CHUNK = 500;
/** 40,000 lines at most are held; the least recently used chunk goes first. */
const MAX_CHUNKS = 80;
/** Largest number of lines the server gives at once. */
const MAX_COUNT = 5000;

interface Chunk {
  lines: (StoredLine | undefined)[];
  /** Counts changes of the lines, so that drawn lines are drawn again. */
  version: number;
  used: number;
  drawn: { version: number; start: Style; lines: RenderedLine[]; end: Style } | null;
}

/** The part of a log that the viewer holds: windows fetched when needed, never the whole log. */
export class LogWindow {
  total = 0;
  bytes = 0;
  complete = false;
  /** True once the server has answered. */
  known = false;
  error: unknown = null;

  private readonly read: LogReader;
  private readonly changed: () => void;
  private readonly chunks = new Map<number, Chunk>();
  private readonly wanted = new Set<number>();
  private clock = 0;
  private tail: Promise<void> | null = null;

  constructor(read: LogReader, changed: () => void) {
    this.read = read;
    this.changed = changed;
  }

  get heldLines(): number {
    return this.chunks.size * CHUNK;
  }

  line(no: number): StoredLine | undefined {
    return this.chunks.get(Math.floor(no / CHUNK))?.lines[no % CHUNK];
  }

  /** The drawn line, with the colours that earlier lines left switched on where those are held. */
  rendered(no: number): RenderedLine | undefined {
    const index = Math.floor(no / CHUNK);
    if (!this.line(no)) return undefined;
    return this.draw(index)?.lines[no % CHUNK];
  }

  /** Makes sure the lines `from..to` are held, fetching what is missing. */
  need(from: number, to: number): void {
    const last = Math.floor(Math.max(0, Math.min(to, this.total) - 1) / CHUNK);
    for (let index = Math.floor(Math.max(0, from) / CHUNK); index <= last; index += 1) {
      const chunk = this.chunks.get(index);
      if (chunk) {
        this.clock += 1;
        chunk.used = this.clock;
      }
      if (this.isWhole(index) || this.wanted.has(index)) continue;
      this.wanted.add(index);
      void this.fetch(index);
    }
  }

  /** Takes what was added since; waits for a running refresh instead of starting a second one. */
  refresh(): Promise<void> {
    this.tail ??= this.readTail().finally(() => {
      this.tail = null;
    });
    return this.tail;
  }

  /** Forgets a failure so that `need` tries again. */
  retry(): void {
    this.error = null;
    this.changed();
  }

  private async readTail(): Promise<void> {
    try {
      const before = this.total;
      // The last known line may have been unfinished: it is read again.
      const from = this.known ? Math.max(0, before - 1) : 0;
      const slice = await this.read(from, this.known ? MAX_COUNT : CHUNK);
      this.take(slice);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.changed();
  }

  private async fetch(index: number): Promise<void> {
    try {
      this.take(await this.read(index * CHUNK, CHUNK));
      this.error = null;
    } catch (error) {
      this.error = error;
    } finally {
      this.wanted.delete(index);
    }
    this.changed();
  }

  /** Stores an answer; answers may overtake each other, the log only ever grows. */
  take(slice: LogSlice): void {
    this.known = true;
    this.total = Math.max(this.total, slice.total_lines);
    this.bytes = Math.max(this.bytes, slice.total_bytes);
    this.complete ||= slice.complete;
    const from = slice.from < 0 ? Math.max(0, slice.total_lines + slice.from) : slice.from;
    const touched = new Set<Chunk>();
    slice.lines.forEach((line, i) => {
      const no = from + i;
      const chunk = this.chunk(Math.floor(no / CHUNK));
      const held = chunk.lines[no % CHUNK];
      if (held && held.text.length >= line.text.length) return;
      chunk.lines[no % CHUNK] = { offset: line.offset, text: line.text };
      touched.add(chunk);
    });
    for (const chunk of touched) chunk.version += 1;
    this.evict();
  }

  private chunk(index: number): Chunk {
    let chunk = this.chunks.get(index);
    if (!chunk) {
      this.clock += 1;
      chunk = { lines: [], version: 0, used: this.clock, drawn: null };
      this.chunks.set(index, chunk);
    }
    return chunk;
  }

  private isWhole(index: number): boolean {
    const chunk = this.chunks.get(index);
    if (!chunk) return false;
    const size = Math.min(CHUNK, this.total - index * CHUNK);
    for (let i = 0; i < size; i += 1) if (!chunk.lines[i]) return false;
    return true;
  }

  private evict(): void {
    while (this.chunks.size > MAX_CHUNKS) {
      let oldest = -1;
      let least = Infinity;
      for (const [index, chunk] of this.chunks) {
        if (chunk.used < least) {
          least = chunk.used;
          oldest = index;
        }
      }
      this.chunks.delete(oldest);
    }
  }

  private draw(index: number): Chunk["drawn"] {
    // Walk back over held chunks without recursion, then draw forward with the colours carried on.
    let first = index;
    while (this.chunks.has(first - 1)) first -= 1;
    let start: Style = PLAIN;
    let drawn: Chunk["drawn"] = null;
    for (let i = first; i <= index; i += 1) {
      const chunk = this.chunks.get(i);
      if (!chunk) return null;
      drawn = chunk.drawn;
      if (!drawn || drawn.version !== chunk.version || !sameStyle(drawn.start, start)) {
        drawn = drawChunk(chunk, start);
        chunk.drawn = drawn;
      }
      start = drawn.end;
    }
    return drawn;
  }
}

function drawChunk(chunk: Chunk, start: Style): NonNullable<Chunk["drawn"]> {
  let style = start;
  const lines: RenderedLine[] = [];
  for (let i = 0; i < chunk.lines.length; i += 1) {
    const line = chunk.lines[i];
    if (!line) continue;
    const rendered = renderLine(line.text, style);
    lines[i] = rendered;
    style = rendered.end;
  }
  return { version: chunk.version, start, lines, end: style };
}
