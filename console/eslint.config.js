import { readdirSync } from "node:fs";
import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const systems = readdirSync("src/systems", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** Imports a folder may not make; the reason is shown beside the line. */
function forbid(files, patterns, message) {
  return {
    files,
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ regex: patterns, message }] }],
    },
  };
}

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/generated"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  reactHooks.configs.flat["recommended-latest"],
  {
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-console": "error",
      eqeqeq: ["error", "always"],
      "max-lines": ["error", { max: 800 }],
    },
  },
  forbid(
    ["src/shared/**"],
    "^@/(shell|systems)|^(\\.\\./)+(shell|systems)/",
    "Shared parts know neither the shell nor a system.",
  ),
  forbid(
    ["src/api/**"],
    "^@/(shell|systems|shared)|^(\\.\\./)+(shell|systems|shared)/",
    "The API client knows nothing above it.",
  ),
  ...systems.map((system) =>
    forbid(
      [`src/systems/${system}/**`],
      `^@/shell|^(\\.\\./)+shell/|^@/systems/(?!${system}(/|$))`,
      `The system "${system}" imports from shared, api and itself only.`,
    ),
  ),
);
