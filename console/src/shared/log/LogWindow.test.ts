import { describe, expect, it } from "vitest";
import { below, random } from "../../../test/random";
import { PLAIN, plainText } from "./ansi";
import { lineOfByte, parseAnchor, byteAnchor, lineAnchor } from "./anchor";
import { CHUNK, type LogReader, LogWindow } from "./LogWindow";

/** A log as the server would serve it, growing on demand. */
class Source {
  lines: string[] = [];
  complete = false;
  calls: [number, number][] = [];
  fail = false;

  private offsets(): number[] {
    let at = 0;
    return this.lines.map((line) => {
      const here = at;
      at += new TextEncoder().encode(line).length + 1;
      return here;
    });
  }

  get bytes(): number {
    return this.lines.reduce((sum, l) => sum + new TextEncoder().encode(l).length + 1, 0);
  }

  offsetOf(line: number): number {
    return this.offsets()[line] ?? -1;
  }

  read: LogReader = async (from, count) => {
    this.calls.push([from, count]);
    await Promise.resolve();
    if (this.fail) throw new Error("no connection");
    const start = from < 0 ? Math.max(0, this.lines.length + from) : from;
    const offsets = this.offsets();
    return {
      total_lines: this.lines.length,
      total_bytes: this.bytes,
      complete: this.complete,
      from: start,
      lines: this.lines
        .slice(start, start + Math.min(count, 5000))
        .map((text, i) => ({ offset: offsets[start + i] ?? 0, text })),
    };
  };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);

describe("windows over a log", () => {
  it("only_the_windows_looked_at_are_fetched", async () => {
    const source = new Source();
    source.lines = numbered(30_000);
    const log = new LogWindow(source.read, () => undefined);
    await log.refresh();
    log.need(20_000, 20_060);
    await settle();
    expect(log.total).toBe(30_000);
    expect(log.line(20_010)?.text).toBe("line 20010");
    expect(log.line(10_000)).toBeUndefined();
    expect(source.calls).toEqual([
      [0, CHUNK],
      [20_000, CHUNK],
    ]);
  });

  it("a_window_in_flight_is_not_asked_for_twice", async () => {
    const source = new Source();
    source.lines = numbered(5000);
    const log = new LogWindow(source.read, () => undefined);
    await log.refresh();
    log.need(1000, 1040);
    log.need(1000, 1041);
    await settle();
    expect(source.calls.filter(([from]) => from === 1000)).toHaveLength(1);
  });

  it("scrolling_through_everything_holds_a_bounded_part", async () => {
    const source = new Source();
    source.lines = numbered(120_000);
    const fast: LogReader = (from, count) =>
      Promise.resolve({
        total_lines: 120_000,
        total_bytes: 1,
        complete: true,
        from,
        lines: source.lines.slice(from, from + count).map((text) => ({ offset: 0, text })),
      });
    const log = new LogWindow(fast, () => undefined);
    await log.refresh();
    for (let line = 0; line < 120_000; line += CHUNK) {
      log.need(line, line + 60);
      await settle();
      expect(log.heldLines).toBeLessThanOrEqual(40_000);
    }
    expect(log.line(119_900)?.text).toBe("line 119900");
    expect(log.line(0)).toBeUndefined();
  });

  it("a_growing_log_completes_its_unfinished_last_line", async () => {
    const source = new Source();
    source.lines = ["one", "tw"];
    const log = new LogWindow(source.read, () => undefined);
    await log.refresh();
    source.lines = ["one", "two", "three"];
    source.complete = true;
    await log.refresh();
    expect([0, 1, 2].map((i) => log.line(i)?.text)).toEqual(["one", "two", "three"]);
    expect(log.complete).toBe(true);
  });

  it("growth_in_any_steps_ends_with_the_same_lines", async () => {
    const next = random(3);
    for (let round = 0; round < 25; round += 1) {
      const source = new Source();
      const log = new LogWindow(source.read, () => undefined);
      const all = numbered(200 + below(next, 900));
      for (let shown = 0; shown < all.length;) {
        shown = Math.min(all.length, shown + 1 + below(next, 300));
        source.lines = all.slice(0, shown);
        await log.refresh();
      }
      log.need(0, all.length);
      await settle();
      expect(all.map((_, i) => log.line(i)?.text)).toEqual(all);
    }
  });

  it("colours_left_on_reach_lines_of_the_next_window", async () => {
    const source = new Source();
    source.lines = numbered(2 * CHUNK);
    source.lines[CHUNK - 1] = "\u001b[35mpurple from here";
    const log = new LogWindow(source.read, () => undefined);
    await log.refresh();
    log.need(0, 2 * CHUNK);
    await settle();
    expect(log.rendered(CHUNK + 3)?.runs[0]?.style.fg).toBe(5);
    expect(plainText(log.rendered(CHUNK + 3) ?? { runs: [], end: PLAIN, omitted: 0 })).toBe(
      `line ${CHUNK + 3}`,
    );
  });

  it("a_failure_is_kept_until_retried", async () => {
    const source = new Source();
    source.lines = numbered(3000);
    const log = new LogWindow(source.read, () => undefined);
    await log.refresh();
    source.fail = true;
    log.need(2000, 2010);
    await settle();
    expect(log.error).toBeInstanceOf(Error);
    source.fail = false;
    log.retry();
    log.need(2000, 2010);
    await settle();
    expect(log.error).toBeNull();
    expect(log.line(2005)?.text).toBe("line 2005");
  });
});

describe("addresses of lines", () => {
  it("are_read_and_written", () => {
    expect(parseAnchor("#L12")).toEqual({ kind: "lines", from: 11, to: 11 });
    expect(parseAnchor("#L20-L12")).toEqual({ kind: "lines", from: 11, to: 19 });
    expect(parseAnchor("#b=1024-2048")).toEqual({ kind: "bytes", from: 1024, to: 2048 });
    expect(parseAnchor("#b=7")).toEqual({ kind: "bytes", from: 7, to: 8 });
    for (const wrong of ["", "#L0", "#Lx", "#b=", "#b=-1", "#L1junk"])
      expect(parseAnchor(wrong)).toBeNull();
    expect(lineAnchor(0, 0)).toBe("#L1");
    expect(lineAnchor(0, 4)).toBe("#L1-L5");
    expect(byteAnchor(3, 9)).toBe("#b=3-9");
  });

  it("every_byte_leads_to_its_line_in_few_questions", async () => {
    const next = random(11);
    const source = new Source();
    // Uneven on purpose: interpolation alone would need a question per line here.
    source.lines = Array.from({ length: 400 }, (_, i) =>
      "x".repeat(i % 50 === 0 ? 3000 : below(next, 9)),
    );
    for (let round = 0; round < 120; round += 1) {
      const line = below(next, source.lines.length);
      const inside = source.offsetOf(line) + below(next, (source.lines[line]?.length ?? 0) + 1);
      source.calls = [];
      expect(await lineOfByte(source.read, inside)).toBe(line);
      expect(source.calls.length).toBeLessThanOrEqual(24);
    }
  });
});
