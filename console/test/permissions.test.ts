import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { may, ROLES_OF } from "@/api/permissions";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const snake = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();

/** The server's table as its source says it; a row for everybody names no roles. */
function serverTable(): Map<string, string[]> {
  const rows = read("platform/identity/src/permission.rs").matchAll(
    /\b\w+ = "([a-z_.]+)":\s*(?:EVERYBODY|&\[([^\]]*)\]);/g,
  );
  return new Map(
    [...rows].map(([, name = "", roles = ""]) => [
      name,
      roles
        .split(",")
        .map((role) => snake(role.trim()))
        .filter(Boolean),
    ]),
  );
}

it("the_console_asks_for_the_roles_the_server_asks_for", () => {
  const server = serverTable();
  expect(server.size).toBeGreaterThan(15);
  for (const [permission, roles] of Object.entries(ROLES_OF)) {
    expect([permission, [...roles].sort()]).toEqual([
      permission,
      [...(server.get(permission) ?? [])].sort(),
    ]);
  }
});

it("every_change_a_page_can_make_has_its_permission_in_the_table", () => {
  // Pages do not offer the first two; each deployment says itself who may approve it; what takes
  // only reading says itself what it asks of the event it sends.
  const elsewhere = new Set([
    "delivery.project.create",
    "delivery.runner.work",
    "delivery.deployment.approve",
    "otc.read",
    "esb.read",
  ]);
  for (const system of ["delivery", "otc", "esb", "center"]) {
    const document = JSON.parse(read(`openapi/${system}.json`)) as {
      paths: Record<string, Record<string, { "x-permission"?: string }>>;
    };
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { "x-permission": permission = "" }] of Object.entries(methods)) {
        if (method === "get" || elsewhere.has(permission)) continue;
        expect([method, path, permission in ROLES_OF]).toEqual([method, path, true]);
      }
    }
  }
});

it("one_fitting_role_of_several_is_enough_and_none_is_not", () => {
  expect(may(["auditor", "operations"], "delivery.environment.roll_back")).toBe(true);
  expect(may(["auditor", "developer"], "delivery.environment.roll_back")).toBe(false);
  expect(may([], "delivery.pipeline.run")).toBe(false);
});
