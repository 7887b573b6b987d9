import { expect, it } from "vitest";
import { PLAIN } from "./ansi";
import { contrast, luminance, paletteRgb, readable } from "./color";
import { markRuns } from "./LogRow";

it("marks_cross_colour_changes_and_ignore_case", () => {
  const red = { ...PLAIN, fg: 1 };
  const pieces = markRuns(
    [
      { text: "an ERR", style: red },
      { text: "or and error", style: PLAIN },
    ],
    "error",
  );
  expect(pieces.map((p) => [p.text, p.mark])).toEqual([
    ["an ", false],
    ["ERR", true],
    ["or", true],
    [" and ", false],
    ["error", true],
  ]);
  expect(pieces.map((p) => p.text).join("")).toBe("an ERRor and error");
});

it("every_palette_colour_becomes_readable_in_both_themes", () => {
  for (let index = 16; index < 256; index += 1) {
    for (const dark of [false, true]) {
      const shown = luminance(readable(paletteRgb(index), dark));
      expect(contrast(shown, dark ? 0.005 : 0.97)).toBeGreaterThanOrEqual(4.5);
    }
  }
});
