import { expect, it } from "vitest";
import { homeOf, systemsOf } from "./systems";

const BOTH = [{ name: "delivery" }, { name: "otc" }];
const names = (roles: string[], modules = BOTH): string[] =>
  systemsOf(modules, roles).map((system) => system.name);

it("people_see_the_systems_of_their_roles_that_run_here", () => {
  expect(names(["developer"])).toEqual(["delivery", "platform"]);
  expect(names(["trader"])).toEqual(["delivery", "otc", "platform"]);
  expect(names(["auditor"])).toEqual(["delivery", "otc", "platform"]);
  expect(names(["trader"], [{ name: "otc" }])).toEqual(["otc", "platform"]);
  expect(names(["trader"], [])).toEqual(["platform"]);
});

it("work_begins_in_the_system_of_the_role_or_in_the_first_one", () => {
  const home = (roles: string[], modules = BOTH): string =>
    homeOf(systemsOf(modules, roles), roles);
  expect(home(["settlement"])).toBe("/otc/trades");
  expect(home(["developer"])).toBe("/delivery/projects");
  expect(home(["auditor"])).toBe("/delivery/projects");
  expect(home(["trader"], [{ name: "delivery" }])).toBe("/delivery/projects");
});

it("the_interface_platform_is_for_those_who_work_with_interfaces_and_is_their_home", () => {
  const all = [...BOTH, { name: "esb" }];
  expect(names(["provider"], all)).toEqual(["delivery", "esb", "platform"]);
  expect(names(["trader"], all)).toEqual(["delivery", "otc", "platform"]);
  expect(homeOf(systemsOf(all, ["caller"]), ["caller"])).toBe("/esb/interfaces");
});
