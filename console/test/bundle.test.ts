import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const DIST = join(import.meta.dirname, "../dist");
const ASSETS = join(DIST, "assets");
const KB = 1000;

// The budgets are about a built console: `npm run build` comes first, in CI always.
const built = existsSync(join(DIST, "index.html"));
if (!built && process.env.CI) throw new Error("console/dist is missing: run `npm run build` first");

const html = (): string => readFileSync(join(DIST, "index.html"), "utf8");
const gzip = (file: string): number => gzipSync(readFileSync(join(ASSETS, file))).length;
/** What the browser loads before it can draw: the script and everything it imports at once. */
const entry = (): string[] =>
  [...html().matchAll(/\/assets\/([^"]+\.(?:js|css))"/g)].map((m) => m[1] ?? "");

it.skipIf(!built)("the_entry_is_at_most_400_kB_gzip", () => {
  expect(entry().length).toBeGreaterThan(1);
  expect(entry().reduce((sum, file) => sum + gzip(file), 0)).toBeLessThanOrEqual(400 * KB);
});

it.skipIf(!built)("a_lazy_chunk_is_at_most_250_kB_gzip_and_700_kB_raw", () => {
  const first = new Set(entry());
  for (const file of readdirSync(ASSETS).filter(
    (name) => name.endsWith(".js") && !first.has(name),
  )) {
    expect([file, gzip(file) <= 250 * KB]).toEqual([file, true]);
    expect([file, statSync(join(ASSETS, file)).size <= 700 * KB]).toEqual([file, true]);
  }
});

it.skipIf(!built)("the_whole_console_is_at_most_6_MB", () => {
  const sizes = readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => statSync(join(e.parentPath, e.name)).size);
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(6_000 * KB);
});

it.skipIf(!built)("index_html_has_no_inline_script_and_every_tag_takes_the_nonce", () => {
  const page = html();
  expect(page).toContain('<meta name="csp-nonce" content="__CSP_NONCE__"');
  for (const [tag] of page.matchAll(/<script\b[^>]*>/g)) {
    expect(tag).toContain('nonce="__CSP_NONCE__"');
    expect(tag).toContain(" src=");
  }
  expect(page).not.toMatch(/<style\b|\son\w+=|javascript:/);
});

it.skipIf(!built)("nothing_is_fetched_from_another_host", () => {
  for (const file of readdirSync(ASSETS).filter((name) => name.endsWith(".css"))) {
    expect(readFileSync(join(ASSETS, file), "utf8")).not.toMatch(/url\(\s*["']?(https?:)?\/\//);
  }
  expect(html()).not.toMatch(/(src|href)="(https?:)?\/\//);
});
