import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { CALLER, House, MANAGER, type Person, PROVIDER } from "../support/house.ts";
import { BREAKING, ORDERS } from "./orders.ts";

const API = "/api/esb/v1";
const HOME = "esb:menu.interfaces";
let house: House;
let pages: Page[];

interface Page {
  name: string;
  path: string;
  /** Something that is there once the page has its data. */
  ready: (v: Visit) => Promise<unknown>;
  /** Kept for the guide in this theme. */
  picture?: "light" | "dark";
}

const ANY = { "if-match": "*" };

/** The house's own interfaces, and one of orders with a second version that waits for review. */
beforeAll(async () => {
  house = await House.start();
  const provider = await house.person(PROVIDER);
  const manager = await house.person(MANAGER);
  const caller = await house.person(CALLER);
  const subscription = await seed(provider, manager, caller);
  const credential = await seedCenter(provider, caller);
  pages = [...listPages(subscription), ...listCenterPages(credential)];
});
afterAll(() => house?.stop());

async function define(provider: Person, version: string, text: string): Promise<void> {
  const sla = { latency_p99_ms: 50, availability_percent: "99.95", peak_per_second: 200 };
  const answer = await fetch(`${house.url}${API}/versions/${version}/definition?name=orders.yaml`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${provider.token}`,
      "content-type": "application/yaml",
      ...ANY,
    },
    body: text,
  });
  expect([answer.status, answer.ok ? "" : await answer.text()]).toEqual([200, ""]);
  await provider.api(`${API}/versions/${version}/sla`, "PUT", sla, ANY);
  await provider.api(`${API}/versions/${version}/transitions`, "POST", { event: "submit" }, ANY);
}

/** What the pages of credentials and of the service center show. */
async function seedCenter(provider: Person, caller: Person): Promise<string> {
  const until = new Date(Date.now() + 200 * 86_400_000).toISOString().slice(0, 10);
  const ask = (kind: string, environment: string) =>
    caller.api<{ id: string }>(`${API}/credentials`, "POST", {
      application: "mobile-app",
      environment,
      kind,
      until,
      deliver_to: "provider",
    });
  const { id } = await ask("api_key", "sandbox");
  await ask("hmac", "production");
  await provider.api(`${API}/credentials/${id}/secret`, "POST", {});
  for (const [port, zone] of [
    [8080, "sh"],
    [8081, "bj"],
  ] as const) {
    await provider.api(`${API}/services/public/desk/quotes/instances`, "POST", {
      address: "10.1.0.7",
      port,
      zone,
      ephemeral: false,
      metadata: { version: "1.4.2" },
    });
  }
  await provider.api(`${API}/configs/public/desk/limits.yaml`, "POST", {
    type: "yaml",
    content: "limits:\n  rate: 10\n  burst: 20\n",
    reason: "limits of the desk",
  });
  return id;
}

async function seed(provider: Person, manager: Person, caller: Person): Promise<string> {
  await manager.api(`${API}/systems`, "POST", {
    code: "orders",
    name: { en: "Order centre", zh: "委托中心" },
    owner: "provider",
    criticality: "core",
    hours: "trading",
  });
  await provider.api(`${API}/interfaces`, "POST", {
    code: "trade.order",
    system: "orders",
    title: "Orders",
    description: "Orders as the exchange knows them",
    taxonomy: "trade/order",
    pattern: "request-reply",
  });
  type Versions = { items: { id: string }[] };
  const { items } = await provider.api<Versions>(`${API}/interfaces/trade.order/versions`);
  const first = items[0]?.id ?? "";
  await define(provider, first, ORDERS);
  const approve = { event: "approve" };
  await manager.api(`${API}/versions/${first}/transitions`, "POST", approve, ANY);
  const second = await provider.api<{ id: string }>(
    `${API}/interfaces/trade.order/versions`,
    "POST",
    { number: "2.0.0" },
  );
  await define(provider, second.id, BREAKING);
  await caller.api(`${API}/applications`, "POST", {
    code: "mobile-app",
    name: "Mobile app",
    owner: "caller",
  });
  const asked = await caller.api<{ id: string }>(`${API}/subscriptions`, "POST", {
    application: "mobile-app",
    interface: "trade.order",
    major: 1,
    environment: "production",
    until: new Date(Date.now() + 200 * 86_400_000).toISOString().slice(0, 10),
    request: {
      purpose: "orders of the app",
      operations: ["getOrder"],
      clearance: 1,
      quota: { rate_per_second: 20, burst: 40, daily: 100_000, concurrency: 8 },
    },
  });
  return asked.id;
}

const heading = (name: string) => (v: Visit) =>
  v.page
    .getByRole("heading", { name: v.t(name) })
    .first()
    .waitFor();
const row = (grid: string) => (v: Visit) =>
  v.page
    .getByRole("grid", { name: v.t(grid), exact: true })
    .getByRole("row")
    .nth(1)
    .waitFor();

function listCenterPages(credential: string): Page[] {
  const item = "/esb/configs/public/desk/limits.yaml";
  return [
    {
      name: "credentials",
      path: "/esb/credentials",
      ready: row("esb:menu.credentials"),
      picture: "light",
    },
    {
      name: "credential",
      path: `/esb/credentials/${credential}`,
      ready: heading("esb:credential.secret"),
    },
    {
      name: "publishing",
      path: "/esb/publishing/production",
      ready: heading("esb:publish.next"),
      picture: "light",
    },
    { name: "calls", path: "/esb/calls", ready: heading("esb:calls.map") },
    { name: "services", path: "/esb/services", ready: row("esb:menu.services") },
    {
      name: "service",
      path: "/esb/services/public/desk/quotes",
      ready: row("esb:service.instances"),
    },
    { name: "configs", path: "/esb/configs", ready: row("esb:menu.configs") },
    { name: "new-config", path: "/esb/configs/new", ready: heading("esb:config.add") },
    { name: "config", path: `${item}/content`, ready: heading("esb:config.content") },
    { name: "config-grey", path: `${item}/grey`, ready: heading("esb:grey.begin") },
    { name: "config-history", path: `${item}/history`, ready: row("esb:tab.history") },
    { name: "config-compare", path: `${item}/compare`, ready: heading("esb:configTab.compare") },
  ];
}

function listPages(subscription: string): Page[] {
  const own = "/esb/interfaces/otc.desk";
  const orders = "/esb/interfaces/trade.order";
  return [
    {
      name: "catalogue",
      path: "/esb/interfaces",
      ready: row("esb:menu.interfaces"),
      picture: "light",
    },
    { name: "import", path: "/esb/interfaces/new", ready: heading("esb:new.what") },
    {
      name: "interface",
      path: `${orders}/overview?version=1.0.0`,
      ready: heading("esb:step.title"),
      picture: "light",
    },
    {
      name: "definition",
      path: `${orders}/definition`,
      ready: (v) => v.page.getByText("orders.yaml").first().waitFor(),
    },
    {
      name: "operation",
      path: `${own}/operations?operation=3`,
      ready: (v) => v.page.getByRole("article").first().waitFor(),
      picture: "dark",
    },
    {
      name: "schemas",
      path: `${own}/schemas`,
      ready: (v) => v.page.getByRole("table").first().waitFor(),
    },
    { name: "findings", path: `${own}/findings`, ready: row("esb:tab.findings"), picture: "light" },
    {
      name: "losses",
      path: `${own}/losses`,
      ready: (v) => v.page.getByText(v.t("esb:loss.none")).waitFor(),
    },
    {
      name: "comparison",
      path: `${orders}/changes`,
      ready: (v) => v.page.getByText(v.t("esb:change.first")).waitFor(),
    },
    {
      name: "bindings",
      path: `${orders}/bindings`,
      ready: (v) => v.page.getByLabel(v.t("esb:binding.upstreams")).first().waitFor(),
    },
    { name: "callers", path: `${orders}/callers`, ready: row("esb:menu.subscriptions") },
    { name: "history", path: `${orders}/history`, ready: row("esb:tab.history") },
    {
      name: "reviews",
      path: "/esb/reviews",
      ready: (v) => v.page.getByRole("article", { name: "trade.order 2.0.0" }).waitFor(),
      picture: "light",
    },
    { name: "systems", path: "/esb/systems", ready: row("esb:menu.systems") },
    { name: "applications", path: "/esb/applications", ready: row("esb:menu.applications") },
    { name: "subscriptions", path: "/esb/subscriptions", ready: row("esb:menu.subscriptions") },
    {
      name: "subscribe",
      path: "/esb/subscriptions/new?interface=trade.order",
      ready: (v) => v.page.getByRole("checkbox").first().waitFor(),
    },
    {
      name: "subscription",
      path: `/esb/subscriptions/${subscription}`,
      ready: heading("esb:subscription.next"),
      picture: "light",
    },
  ];
}

describe("every page of the interface platform", () => {
  it.each(["zh-CN", "en"] as const)(
    "is_accessible_in_both_themes_and_without_errors_in_%s",
    async (locale) => {
      await visit(house, "esb-pages", locale, async (v) => {
        await v.signIn(MANAGER, HOME);
        for (const page of pages) {
          await v.go(page.path);
          await page.ready(v);
          for (const theme of ["dark", "light"] as const) {
            await v.theme(theme);
            await v.accessible(`${page.name} ${theme}`);
            if (locale === "en" && page.picture === theme) await v.picture(`esb-${page.name}`);
          }
        }
      });
    },
  );
});

describe("the catalogue", () => {
  it("is_searched_and_narrowed_by_the_server_with_the_view_in_the_address", async () => {
    await visit(house, "esb-catalogue", "en", async (v) => {
      await v.signIn(CALLER, HOME);
      const grid = v.page.getByRole("grid", { name: v.t("esb:menu.interfaces"), exact: true });
      const codes = async (): Promise<string[]> =>
        (await grid.locator("[data-row] code").allInnerTexts()).filter((text) =>
          text.includes("."),
        );
      await expect.poll(async () => (await codes()).length).toBe(5);
      // A word that stands only in a path and in names of operations.
      await v.page.keyboard.press("/");
      await v.page.getByRole("textbox", { name: v.t("esb:interface.search") }).fill("order_id");
      await expect.poll(codes).toEqual(["trade.order"]);
      expect(new URL(v.page.url()).searchParams.get("q")).toBe("order_id");
      await v.page.reload();
      await expect.poll(codes).toEqual(["trade.order"]);
      await v.page.getByRole("textbox", { name: v.t("esb:interface.search") }).fill("");
      await expect.poll(async () => (await codes()).length).toBe(5);
      const tree = v.page.getByRole("navigation", { name: v.t("esb:interface.taxonomy") });
      await tree.getByRole("button", { name: /^Trading/ }).click();
      await expect.poll(async () => (await codes()).sort()).toEqual(["otc.desk", "trade.order"]);
      expect(new URL(v.page.url()).searchParams.get("taxonomy")).toBe("trade");
    });
  });
});
