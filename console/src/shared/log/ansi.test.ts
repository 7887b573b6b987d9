import { describe, expect, it } from "vitest";
import { below, pick, random } from "../../../test/random";
import { applySgr, MAX_CELLS, PLAIN, plainText, renderLine, sameStyle, TRUE_COLOR } from "./ansi";

const E = "\u001b";
const text = (raw: string): string => plainText(renderLine(raw));

describe("colours", () => {
  it("a_run_ends_where_the_style_changes", () => {
    const { runs, end } = renderLine(`${E}[31mred${E}[1m bold${E}[0m plain`);
    expect(runs.map((r) => [r.text, r.style.fg, r.style.bold])).toEqual([
      ["red", 1, false],
      [" bold", 1, true],
      [" plain", -1, false],
    ]);
    expect(end).toBe(PLAIN);
  });

  it("a_style_left_on_goes_to_the_next_line", () => {
    const first = renderLine(`${E}[32mgreen`);
    const second = renderLine("still green", first.end);
    expect(second.runs[0]?.style.fg).toBe(2);
  });

  it("bright_256_and_true_colours_are_read_in_both_spellings", () => {
    expect(applySgr(PLAIN, "91").fg).toBe(9);
    expect(applySgr(PLAIN, "104").bg).toBe(12);
    expect(applySgr(PLAIN, "38;5;208").fg).toBe(208);
    expect(applySgr(PLAIN, "48;2;1;2;3").bg).toBe(TRUE_COLOR + 0x010203);
    expect(applySgr(PLAIN, "38:2::1:2:3").fg).toBe(TRUE_COLOR + 0x010203);
    expect(applySgr(PLAIN, "38:2:1:2:3").fg).toBe(TRUE_COLOR + 0x010203);
    expect(applySgr(PLAIN, "38;5;208;1")).toMatchObject({ fg: 208, bold: true });
    expect(applySgr(PLAIN, "38;2;9;9;9;4")).toMatchObject({ underline: true });
  });

  it("a_colour_out_of_range_changes_nothing", () => {
    expect(applySgr(PLAIN, "38;5;999").fg).toBe(-1);
    expect(applySgr(PLAIN, "38;2;1;2").fg).toBe(-1);
    expect(applySgr(PLAIN, "12345")).toBe(PLAIN);
  });
});

describe("rewriting", () => {
  it("a_carriage_return_overwrites_from_the_left", () => {
    expect(text("progress 10%\rprogress 99%")).toBe("progress 99%");
    expect(text("abcdef\rXY")).toBe("XYcdef");
  });

  it("erase_in_line_removes_to_the_right_the_left_or_all", () => {
    expect(text(`long text\rnew${E}[K`)).toBe("new");
    expect(text(`abcdef\r${E}[0K`)).toBe("");
    expect(text(`abcdef${E}[2Kx`)).toBe("      x");
    expect(text(`abc\rx${E}[1K`)).toBe("  c");
  });

  it("a_rewritten_line_keeps_the_colours_of_what_is_left", () => {
    const { runs } = renderLine(`${E}[31mAAAA${E}[0m\r${E}[32mBB`);
    expect(runs.map((r) => [r.text, r.style.fg])).toEqual([
      ["BB", 2],
      ["AA", 1],
    ]);
  });

  it("section_markers_leave_only_their_header", () => {
    expect(text(`${E}[0Ksection_start:1700000000:step[collapsed=true]\r${E}[0KRunning`)).toBe(
      "Running",
    );
    expect(text(`${E}[0Ksection_end:1700000009:step\r${E}[0K`)).toBe("");
  });

  it("backspace_and_tab_move_the_cursor", () => {
    expect(text("ab\bc")).toBe("ac");
    expect(text("a\tb")).toBe("a       b");
    expect(text("\b\b\bx")).toBe("x");
  });

  it("crlf_endings_do_not_eat_the_line", () => {
    expect(text("windows line\r")).toBe("windows line");
  });
});

describe("hostile input", () => {
  it("links_titles_and_device_strings_vanish_without_hiding_text", () => {
    expect(text(`a${E}]8;;http://evil\u0007link${E}]8;;\u0007b`)).toBe("alinkb");
    expect(text(`a${E}]0;title${E}\\b`)).toBe("ab");
    expect(text(`a${E}Pq#0;2;0;0;0${E}\\b`)).toBe("ab");
  });

  it("an_unfinished_string_cannot_swallow_the_rest_of_the_line", () => {
    expect(text(`a${E}]0;no end, visible`)).toContain("no end, visible");
    expect(text(`a${E}[31`)).toContain("31");
  });

  it("cursor_moves_and_screen_clears_do_nothing", () => {
    expect(text(`abc${E}[2J${E}[H${E}[10;10Hdef${E}[?25l${E}(B`)).toBe("abcdef");
  });

  it("c1_forms_are_treated_as_their_escapes", () => {
    expect(renderLine("\u009b31mred").runs[0]?.style.fg).toBe(1);
    expect(text("a\u009d0;t\u009cb")).toBe("ab");
    expect(text("a\u0085b")).toBe("ab");
  });

  it("direction_overrides_are_named", () => {
    expect(text("user\u202etxt.exe")).toBe("user<U+202E>txt.exe");
  });

  it("a_very_long_line_is_cut_and_says_by_how_much", () => {
    const line = renderLine("x".repeat(MAX_CELLS + 123));
    expect(plainText(line)).toHaveLength(MAX_CELLS);
    expect(line.omitted).toBe(123);
  });

  it("markup_stays_text", () => {
    expect(text("<script>alert(1)</script>&amp;")).toBe("<script>alert(1)</script>&amp;");
  });
});

describe("any bytes at all", () => {
  const pieces = [
    E,
    "[",
    "]",
    "K",
    "m",
    ";",
    ":",
    "31",
    "38;5;",
    "\r",
    "\b",
    "\t",
    "\u0007",
    "\\",
    "a",
    "界",
    "😀",
    "\u009b",
    "\u202e",
    "P",
    "?",
    " ",
  ];

  it("never_throws_never_shows_a_control_character_and_joins_to_maximal_runs", () => {
    const next = random(7);
    for (let round = 0; round < 4000; round += 1) {
      const raw = Array.from({ length: below(next, 24) }, () => pick(next, pieces)).join("");
      const line = renderLine(raw);
      // eslint-disable-next-line no-control-regex -- control characters are the subject here
      expect(plainText(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      for (let i = 1; i < line.runs.length; i += 1) {
        const a = line.runs[i - 1];
        const b = line.runs[i];
        expect(a && b && sameStyle(a.style, b.style)).toBe(false);
      }
    }
  });

  it("text_without_control_characters_is_unchanged", () => {
    const next = random(8);
    for (let round = 0; round < 500; round += 1) {
      const raw = Array.from({ length: below(next, 40) }, () =>
        pick(next, ["a", "界", "😀", " ", "<", "&"]),
      ).join("");
      expect(text(raw)).toBe(raw);
    }
  });
});
