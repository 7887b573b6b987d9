import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, it } from "vitest";

const SRC = join(import.meta.dirname, "../src");
const sources = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile() && /\.(tsx?|css)$/.test(e.name) && !/\.test\.tsx?$/.test(e.name))
  .map((e) => join(e.parentPath, e.name));

it("colours_are_written_in_the_token_file_only", () => {
  const literal = /#[0-9a-fA-F]{3,8}\b(?!\/)|\brgba?\(\s*\d|\bhsla?\(/;
  const found = sources
    .filter((path) => !path.endsWith("theme/tokens.ts"))
    .flatMap((path) =>
      readFileSync(path, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          literal.test(line) ? [`${relative(SRC, path)}:${i + 1} ${line.trim()}`] : [],
        ),
    );
  // Black and white on a job's own background colour are chosen by contrast, not by theme.
  expect(found.filter((line) => !line.startsWith("shared/log/color.ts:"))).toEqual([]);
});

it("nothing_writes_markup_from_text", () => {
  for (const path of sources) {
    expect([
      path,
      /dangerouslySetInnerHTML|\.innerHTML|insertAdjacentHTML|\beval\(/.test(
        readFileSync(path, "utf8"),
      ),
    ]).toEqual([path, false]);
  }
});

it("the_lockfile_names_no_registry_host", () => {
  const lock = readFileSync(join(SRC, "../package-lock.json"), "utf8");
  expect(lock).not.toMatch(/"resolved":|https?:\/\/[^"]*registry/);
});
