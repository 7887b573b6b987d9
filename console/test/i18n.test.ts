import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SRC = join(import.meta.dirname, "../src");
const LANGUAGES = ["zh-CN", "en"];
const SYSTEMS = readdirSync(join(SRC, "systems")).filter((name) =>
  statSync(join(SRC, "systems", name)).isDirectory(),
);

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** Nested texts as `a.b.c` keys. */
function flatten(value: unknown, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (typeof inner === "string") out.set(name, inner);
    else for (const [k, v] of flatten(inner, name)) out.set(k, v);
  }
  return out;
}

function texts(namespace: string, language: string): Map<string, string> {
  const path =
    namespace === "shell"
      ? join(SRC, "i18n", language, "shell.json")
      : join(SRC, "systems", namespace, "i18n", `${language}.json`);
  return flatten(JSON.parse(readFileSync(path, "utf8")));
}

const base = (key: string): string => key.replace(/_(zero|one|two|few|many|other)$/, "");

interface Use {
  file: string;
  key: string;
  /** A key with a computed end (`status.${word}`): only its beginning is known. */
  prefix: boolean;
}

interface Findings {
  uses: Use[];
  literals: string[];
}

/** Texts shown to people must come from the language files; these may not. */
const SPOKEN_ATTRIBUTES = new Set(["aria-label", "title", "placeholder", "alt", "label", "detail"]);
const isSpoken = (text: string): boolean => /\p{L}{2,}/u.test(text);

function scan(path: string): Findings {
  const source = ts.createSourceFile(
    path,
    readFileSync(path, "utf8"),
    ts.ScriptTarget.Latest,
    true,
    path.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );
  const file = relative(SRC, path);
  const found: Findings = { uses: [], literals: [] };
  const where = (node: ts.Node): string =>
    `${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  const add = (argument: ts.Expression | undefined) => {
    if (!argument) return;
    if (ts.isStringLiteralLike(argument))
      found.uses.push({ file, key: argument.text, prefix: false });
    else if (ts.isTemplateExpression(argument)) {
      const suffix = argument.templateSpans.at(-1)?.literal.text ?? "";
      found.uses.push({ file, key: argument.head.text, prefix: true });
      // Two helpers put a group before the word; their callers name the group.
      const [first] = argument.templateSpans;
      if (argument.head.text === "" && first?.expression.getText() !== "group")
        found.literals.push(`${where(argument)} key without a fixed beginning${suffix}`);
    } else if (ts.isConditionalExpression(argument)) {
      add(argument.whenTrue);
      add(argument.whenFalse);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const name = node.expression.text;
      if (name === "t") add(node.arguments[0]);
      const [group] = node.arguments;
      if (name === "word" && group && ts.isStringLiteralLike(group)) {
        found.uses.push({ file, key: `${group.text}.`, prefix: true });
      }
      if (name === "option" && group && ts.isStringLiteralLike(group)) {
        found.uses.push({ file, key: `${group.text}.`, prefix: true });
      }
    }
    // Menus name their labels; the shell translates them.
    if (
      ts.isPropertyAssignment(node) &&
      /manifest\.ts$/.test(file) &&
      node.name.getText() === "label"
    ) {
      if (ts.isStringLiteralLike(node.initializer))
        found.uses.push({ file, key: node.initializer.text, prefix: false });
    }
    if (ts.isJsxText(node) && isSpoken(node.text) && !insideCode(node)) {
      found.literals.push(`${where(node)} ${node.text.trim()}`);
    }
    if (ts.isJsxAttribute(node) && SPOKEN_ATTRIBUTES.has(node.name.getText())) {
      const value = node.initializer;
      if (value && ts.isStringLiteral(value) && isSpoken(value.text)) {
        found.literals.push(`${where(node)} ${value.text}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Commands and key names are the same in every language. */
function insideCode(node: ts.Node): boolean {
  const parent = node.parent;
  return (
    ts.isJsxElement(parent) && ["code", "kbd"].includes(parent.openingElement.tagName.getText())
  );
}

function namespaceOf(file: string): string {
  const match = /^systems\/([^/]+)\//.exec(file);
  return match?.[1] ?? "shell";
}

const scans = files(SRC).map(scan);
const uses = scans.flatMap((s) => s.uses);

describe("texts", () => {
  it("no_text_is_written_into_the_pages", () => {
    expect(scans.flatMap((s) => s.literals)).toEqual([]);
  });

  for (const namespace of ["shell", ...SYSTEMS]) {
    it(`${namespace}_has_the_same_keys_and_placeholders_in_every_language`, () => {
      const [first = "", ...rest] = LANGUAGES;
      const reference = texts(namespace, first);
      const names = new Set([...reference.keys()].map(base));
      const holes = (map: Map<string, string>, key: string): string[] =>
        [...map].filter(([k]) => base(k) === key).flatMap(([, v]) => v.match(/\{\{\w+\}\}/g) ?? []);
      for (const language of rest) {
        const other = texts(namespace, language);
        expect(new Set([...other.keys()].map(base))).toEqual(names);
        for (const name of names) {
          const wanted = new Set(holes(reference, name).filter((h) => h !== "{{count}}"));
          expect([name, new Set(holes(other, name).filter((h) => h !== "{{count}}"))]).toEqual([
            name,
            wanted,
          ]);
        }
      }
    });

    it(`${namespace}_has_no_empty_text`, () => {
      for (const language of LANGUAGES) {
        for (const [key, text] of texts(namespace, language))
          expect([key, text.trim()]).not.toEqual([key, ""]);
      }
    });
  }

  it("no_used_key_is_missing", () => {
    const missing = uses.filter(({ file, key, prefix }) => {
      const own = namespaceOf(file);
      const known = [...texts(own, "en").keys(), ...texts("shell", "en").keys()].map(base);
      // `system.name` and menu labels are read by the shell from each system.
      if (file.startsWith("shell/") && key === "system.name") return false;
      return prefix ? !known.some((k) => k.startsWith(key)) : !known.includes(key);
    });
    expect(missing).toEqual([]);
  });

  it("no_key_is_unused", () => {
    const unused: string[] = [];
    for (const namespace of ["shell", ...SYSTEMS]) {
      const mine = uses.filter(
        ({ file }) =>
          namespace === "shell" || namespaceOf(file) === namespace || file.startsWith("shell/"),
      );
      const exact = new Set(mine.filter((u) => !u.prefix).map((u) => u.key));
      const prefixes = mine.filter((u) => u.prefix && u.key !== "").map((u) => u.key);
      for (const key of texts(namespace, "en").keys()) {
        const name = base(key);
        if (!exact.has(name) && !prefixes.some((p) => name.startsWith(p)))
          unused.push(`${namespace}: ${key}`);
      }
    }
    expect(unused).toEqual([]);
  });
});
