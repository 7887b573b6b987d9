import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import {
  type Account,
  CALLER,
  House,
  MANAGER,
  OPERATOR,
  type Person,
  PROVIDER,
  until,
} from "../support/house.ts";
import { BREAKING, ORDERS } from "./orders.ts";

const API = "/api/esb/v1";
const ANY = { "if-match": "*" };
const CODE = "trade.order";
const DAY_MS = 86_400_000;
const inDays = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

let house: House;
let upstream: Server;
let people: { provider: Person; manager: Person; caller: Person; operator: Person };

beforeEach(async () => {
  // The service behind the interface: an order as the exchange knows it.
  upstream = createServer((request, answer) => {
    const id = (request.url ?? "").split("/").pop() ?? "";
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify({ order_id: id, side: "buy" }));
  });
  await new Promise<void>((done) => upstream.listen(0, "127.0.0.1", done));
  house = await House.start();
  people = {
    provider: await house.person(PROVIDER),
    manager: await house.person(MANAGER),
    caller: await house.person(CALLER),
    operator: await house.person(OPERATOR),
  };
});
afterEach(async () => {
  await house?.stop();
  upstream?.close();
});

async function as(
  account: Account,
  locale: Locale,
  what: string,
  story: (v: Visit) => Promise<void>,
): Promise<void> {
  await visit(house, `esb-roles-${what}`, locale, async (v) => {
    await v.signIn(account, "esb:menu.interfaces");
    await story(v);
  });
}

/** A version from its definition to callers, by those whose part each step is. */
async function published(id: string, text: string): Promise<void> {
  const { provider, manager, operator } = people;
  const of = `${API}/versions/${id}`;
  const answer = await fetch(`${house.url}${of}/definition?name=orders.yaml`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${provider.token}`,
      "content-type": "application/yaml",
      ...ANY,
    },
    body: text,
  });
  expect([answer.status, answer.ok ? "" : await answer.text()]).toEqual([200, ""]);
  const sla = { latency_p99_ms: 50, availability_percent: "99.95", peak_per_second: 200 };
  await provider.api(`${of}/sla`, "PUT", sla, ANY);
  const { port } = upstream.address() as AddressInfo;
  for (const environment of ["sandbox", "production"]) {
    const to = { upstreams: [{ address: `127.0.0.1:${port}` }], base_path: "/api" };
    await provider.api(`${of}/bindings/${environment}`, "PUT", to, ANY);
  }
  const step = (who: Person, event: string) => who.api(`${of}/transitions`, "POST", { event }, ANY);
  await step(provider, "submit");
  await step(manager, "approve");
  await step(provider, "test");
  for (const guard of ["coverage", "pass_rate", "baseline", "canary_held"]) {
    const waiver = { guard, reason: "no runs recorded yet", until: inDays(20) };
    await manager.api(`${of}/waivers`, "POST", waiver, ANY);
  }
  await step(manager, "open_grey");
  await step(operator, "publish");
}

/** Brings what the catalogue holds to the gateways of both environments; where they serve. */
async function toGateways(): Promise<Record<string, string>> {
  const at: Record<string, string> = {};
  for (const environment of ["sandbox", "production"]) {
    const path = `${API}/environments/${environment}/snapshots`;
    const { nodes } = await people.operator.api<{ nodes: { address: string; state: string }[] }>(
      path,
      "POST",
      { reason: "go live" },
    );
    expect(nodes.map((node) => node.state)).toEqual(["active"]);
    at[environment] = nodes[0]?.address ?? "";
  }
  return at;
}

/** An application with a key for production, subscribed in both environments; the key. */
async function subscribed(): Promise<{ key: string; subscriptions: string[] }> {
  const { provider, manager, caller } = people;
  const application = { code: "mobile-app", name: "Mobile app", owner: "caller" };
  await caller.api(`${API}/applications`, "POST", application);
  const subscriptions = [];
  for (const environment of ["sandbox", "production"]) {
    const { id } = await caller.api<{ id: string }>(`${API}/subscriptions`, "POST", {
      application: "mobile-app",
      interface: CODE,
      major: 1,
      environment,
      until: inDays(200),
      request: {
        purpose: "orders of the app",
        clearance: 1,
        quota: { rate_per_second: 20, burst: 40, daily: 100_000, concurrency: 8 },
      },
    });
    for (const who of [provider, manager]) {
      await who.api(`${API}/subscriptions/${id}/transitions`, "POST", { event: "approve" }, ANY);
    }
    subscriptions.push(id);
  }
  const { id } = await caller.api<{ id: string }>(`${API}/credentials`, "POST", {
    application: "mobile-app",
    environment: "production",
    kind: "api_key",
    until: inDays(90),
    deliver_to: "provider",
  });
  const { secret } = await provider.api<{ secret: string }>(
    `${API}/credentials/${id}/secret`,
    "POST",
    {},
  );
  return { key: secret, subscriptions };
}

/** The caller tries the operation from its page: the answer comes from the real service. */
async function tries(v: Visit): Promise<void> {
  await v.go(`/esb/interfaces/${CODE}/operations`);
  const target = v.page.getByLabel(v.t("esb:try.target", { method: "GET" }), { exact: true });
  await target.fill("/orders/A77");
  await v.button(v.t("esb:try.send")).click();
  const answer = v.page.getByRole("region", { name: v.t("esb:try.answer"), exact: true });
  await answer.getByText('"order_id": "A77"').waitFor();
  await v.accessible("try-it");
  // What the definition does not allow is told beside the answer.
  await target.fill(`/orders/${"9".repeat(21)}`);
  await v.button(v.t("esb:try.send")).click();
  await answer.getByRole("list", { name: v.t("esb:try.findings") }).waitFor();
}

/** The manager sees who would break, and that nothing retires under its callers. */
async function sees(v: Visit, retired: string): Promise<void> {
  await v.go(`/esb/interfaces/${CODE}/changes?version=2.0.0`);
  const callers = v.page.getByRole("table", { name: v.t("esb:change.callersName") });
  await callers.getByText("mobile-app", { exact: true }).waitFor();
  await v.go(`/esb/calls`);
  await v.page.getByRole("img", { name: v.t("esb:calls.map") }).waitFor();
  await v.page.getByRole("grid").getByText("Mobile app").first().waitFor();
  await v.accessible("calls");
  await v.go(retired);
  const unmet = v.page.getByRole("list", {
    name: v.t("esb:unmet.of", { step: v.t("esb:event.retire") }),
  });
  await unmet
    .getByText(/mobile-app/)
    .first()
    .waitFor();
}

async function deprecates(v: Visit, page: string): Promise<void> {
  await v.go(page);
  await v.button(v.t("esb:event.deprecate")).click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:step.successor"), { exact: true }).fill(`${CODE} 2.0.0`);
  await dialog.getByLabel(v.t("esb:step.sunset"), { exact: true }).fill(inDays(300));
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("2.0.0 is there");
  await dialog.getByRole("button", { name: v.t("esb:event.deprecate"), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await v.page
    .locator(".page-head")
    .getByText(v.t("esb:state.deprecated"), { exact: true })
    .waitFor();
}

async function retires(v: Visit, page: string): Promise<void> {
  await v.go(page);
  const name = v.t("esb:waiver.of", { guard: "no_calls" });
  await v.button(name).first().click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("its last caller moved");
  await dialog.getByRole("button", { name: v.t("esb:waiver.one"), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await v.button(v.t("esb:event.retire")).click();
  await v.page.locator(".page-head").getByText(v.t("esb:state.retired"), { exact: true }).waitFor();
}

describe.each(["zh-CN", "en"] as const)("three roles in %s", (locale) => {
  it("a_caller_tries_and_calls_and_a_manager_retires_what_nobody_calls_any_more", async () => {
    const { provider, manager } = people;
    await manager.api(`${API}/systems`, "POST", {
      code: "orders",
      name: { en: "Order centre", zh: "委托中心" },
      owner: "provider",
      criticality: "core",
      hours: "trading",
    });
    await provider.api(`${API}/interfaces`, "POST", {
      code: CODE,
      system: "orders",
      title: "Orders",
      description: "Orders as the exchange knows them",
      taxonomy: "trade/order",
      pattern: "request-reply",
    });
    type Versions = { items: { id: string }[] };
    const { items } = await provider.api<Versions>(`${API}/interfaces/${CODE}/versions`);
    await published(items[0]?.id ?? "", ORDERS);
    const { key, subscriptions } = await subscribed();
    const at = await toGateways();

    await as(CALLER, locale, "try", tries);
    const call = () =>
      fetch(`http://${at.production}/${CODE}/v1/orders/A1`, { headers: { "x-api-key": key } });
    const answer = await call();
    expect([answer.status, await answer.json()]).toEqual([200, { order_id: "A1", side: "buy" }]);
    await until("the call to be collected", async () => {
      const path = `${API}/calls?environment=production`;
      const { edges } = await manager.api<{ edges: unknown[] }>(path);
      return edges.length > 0 ? true : null;
    });

    const second = await provider.api<{ id: string }>(
      `${API}/interfaces/${CODE}/versions`,
      "POST",
      { number: "2.0.0" },
    );
    await published(second.id, BREAKING);
    const old = `/esb/interfaces/${CODE}/overview?version=1.0.0`;
    await as(PROVIDER, locale, "deprecate", (v) => deprecates(v, old));
    await as(MANAGER, locale, "see", (v) => sees(v, old));
    for (const id of subscriptions) {
      const end = { event: "revoke", reason: "the app moved to 2.0.0" };
      await manager.api(`${API}/subscriptions/${id}/transitions`, "POST", end, ANY);
    }
    await as(MANAGER, locale, "retire", (v) => retires(v, old));
    await toGateways();
    expect((await call()).status).toBe(410);
  });
});
