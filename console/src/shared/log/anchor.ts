import type { LogReader } from "./LogWindow";

/** What the fragment of the address points to. Lines count from 0 here and from 1 in the address. */
export type Anchor =
  { kind: "lines"; from: number; to: number } | { kind: "bytes"; from: number; to: number };

/** Reads `#L12`, `#L12-L20`, `#b=1024-2048` and `#b=1024`. */
export function parseAnchor(hash: string): Anchor | null {
  const lines = /^#L(\d{1,10})(?:-L?(\d{1,10}))?$/.exec(hash);
  if (lines) {
    const a = Number(lines[1]);
    const b = Number(lines[2] ?? lines[1]);
    if (a < 1 || b < 1) return null;
    return { kind: "lines", from: Math.min(a, b) - 1, to: Math.max(a, b) - 1 };
  }
  const bytes = /^#b=(\d{1,15})(?:-(\d{1,15}))?$/.exec(hash);
  if (bytes) {
    const a = Number(bytes[1]);
    const b = bytes[2] === undefined ? a + 1 : Number(bytes[2]);
    return { kind: "bytes", from: Math.min(a, b), to: Math.max(a, b, a + 1) };
  }
  return null;
}

export function lineAnchor(from: number, to: number): string {
  return from === to ? `#L${from + 1}` : `#L${from + 1}-L${to + 1}`;
}

/** Bytes `from` up to, not including, `to`: stable whatever the viewer folds or wraps. */
export function byteAnchor(from: number, to: number): string {
  return `#b=${from}-${to}`;
}

/**
 * The line that holds the byte, found by asking for single lines: interpolation with a bisection
 * in every second step, so that uneven line lengths cost at most twice the logarithm.
 */
export async function lineOfByte(read: LogReader, byte: number): Promise<number> {
  const head = await read(0, 1);
  let low = 0;
  let high = head.total_lines - 1;
  if (high <= 0) return 0;
  let lowOffset = 0;
  let highOffset = head.total_bytes;
  let bisect = false;
  while (low < high) {
    const share = (byte - lowOffset) / Math.max(1, highOffset - lowOffset);
    const guess = bisect ? (low + high + 1) / 2 : low + share * (high - low);
    const probe = Math.min(high, Math.max(low + 1, Math.round(guess)));
    bisect = !bisect;
    const line = (await read(probe, 1)).lines[0];
    if (!line) return low;
    if (line.offset <= byte) {
      low = probe;
      lowOffset = line.offset;
    } else {
      high = probe - 1;
      highOffset = line.offset;
    }
  }
  return low;
}
