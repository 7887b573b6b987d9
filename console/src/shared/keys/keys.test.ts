import { expect, it } from "vitest";
import { matchScore } from "./commands";
import { KeyMatcher, type Shortcut } from "./keys";

const shortcut = (keys: string): Shortcut => ({
  keys,
  label: keys,
  group: "",
  run: () => undefined,
});

it("a_sequence_needs_its_second_key_in_time", () => {
  const known = [shortcut("g p"), shortcut("p")];
  const matcher = new KeyMatcher();
  expect(matcher.match("g", 0, known)).toBe("wait");
  expect(matcher.match("p", 500, known)).toBe(known[0]);
  expect(matcher.match("g", 1000, known)).toBe("wait");
  expect(matcher.match("p", 5000, known)).toBe(known[1]);
  expect(matcher.match("x", 6000, known)).toBeNull();
});

it("the_latest_registration_wins", () => {
  const page = shortcut("j");
  const dialog = shortcut("j");
  expect(new KeyMatcher().match("j", 0, [page, dialog])).toBe(dialog);
});

it("matches_are_ranked_prefix_word_inside_letters", () => {
  const scores = ["pipelines", "all pipelines", "subpipe", "p-i-x-p-e"].map((t) =>
    matchScore(t, "pipe"),
  );
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(scores.every((s) => s > 0)).toBe(true);
  expect(matchScore("projects", "zzz")).toBe(0);
});
