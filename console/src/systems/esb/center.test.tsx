// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Route, Routes } from "react-router";
import { describe, expect, it } from "vitest";
import type { ConfigItem, Service } from "@/api/contract.center";
import type { Credential } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import ConfigPage from "./pages/center/ConfigPage";
import ServicePage from "./pages/center/ServicePage";
import CredentialPage from "./pages/credentials/CredentialPage";

const NOW = "2026-05-18T08:00:00Z";
const API = "/api/esb/v1";

const button = (name: string): HTMLElement => screen.getByRole("button", { name });
const why = (name: string): string | null => button(name).getAttribute("aria-description");

const credential: Credential = {
  id: "c-1",
  application: "mobile-app",
  environment: "production",
  kind: "api_key",
  state: "created",
  state_words: { en: "created", zh: "已创建" },
  created_by: "caller",
  deliver_to: "somebody",
  delivered_at: null,
  expires_at: "2027-01-01T00:00:00Z",
  overlap_ends_at: null,
  replaces: null,
  revision: 1,
  created_at: NOW,
  updated_at: NOW,
};

async function credentialPage(one: Credential, roles: string[]): Promise<string[]> {
  const application = { code: "mobile-app", name: "App", owner: "caller", created_by: "caller" };
  const sent = await stage(
    <Routes>
      <Route path="/:id" element={<CredentialPage />} />
    </Routes>,
    {
      roles,
      at: "/c-1",
      answers: {
        [`${API}/credentials/c-1`]: one,
        [`${API}/credentials`]: { items: [one], next_page_token: null },
        [`${API}/applications`]: { items: [application], next_page_token: null },
        [`${API}/credentials/c-1/secret`]: {
          secret: "rk_once",
          usage: { en: "Send it.", zh: "携带。" },
          credential: one,
        },
        "/api/platform/v1/users": { items: [], next_page_token: null },
      },
    },
  );
  await screen.findByRole("button", { name: "Fetch the secret" });
  return sent;
}

describe("a credential's secret", () => {
  it("is_shown_once_to_the_person_named_with_a_warning_and_hidden_again", async () => {
    const sent = await credentialPage(credential, ["provider"]);
    fireEvent.click(button("Fetch the secret"));
    await screen.findByText("rk_once");
    expect(screen.getByRole("alert").textContent).toContain("once and never again");
    expect(sent).toEqual([`POST ${API}/credentials/c-1/secret`]);
    fireEvent.click(button("I have kept it; hide it"));
    await waitFor(() => expect(screen.queryByText("rk_once")).toBeNull());
  });

  it("is_nobody_elses_and_told_so", async () => {
    const sent = await credentialPage({ ...credential, deliver_to: "another" }, ["caller"]);
    expect(why("Fetch the secret")).toBe("Only another can fetch it.");
    fireEvent.click(button("Fetch the secret"));
    expect(sent).toEqual([]);
  });

  it("is_rotated_by_callers_who_answer_for_the_application_and_revoked_by_reviewers_too", async () => {
    await credentialPage({ ...credential, state: "delivered" }, ["security"]);
    await waitFor(() => expect(why("Revoke")).toBeNull());
    expect(why("Rotate")).toContain("Interface caller");
  });
});

const item: ConfigItem = {
  namespace: "public",
  group: "g",
  id: "db",
  type: "text",
  secret: true,
  grey: false,
  revision: 3,
  updated_by: "provider",
  updated_at: NOW,
  content: null,
  md5: null,
  release: null,
};

async function itemPage(one: ConfigItem, roles: string[]): Promise<void> {
  await stage(
    <Routes>
      <Route path="/esb/configs/:namespace/:group/:id/*" element={<ConfigPage />} />
    </Routes>,
    {
      roles,
      at: "/esb/configs/public/g/db/content",
      answers: { [`${API}/configs/public/g/db`]: one },
    },
  );
  await screen.findByRole("heading", { level: 1, name: "db" });
}

describe("a sealed content", () => {
  it("is_off_for_who_lacks_the_right_with_the_roles_that_have_it", async () => {
    await itemPage(item, ["caller"]);
    expect(why("Show the content")).toContain("Interface provider or Operations");
  });

  it("stays_hidden_until_it_is_asked_for", async () => {
    await itemPage({ ...item, content: "open sesame" }, ["operations"]);
    expect(screen.queryByText("open sesame")).toBeNull();
    fireEvent.click(button("Show the content"));
    expect(screen.getByLabelText<HTMLTextAreaElement>("Content").value).toBe("open sesame");
  });
});

it("a_service_says_that_removals_are_frozen_and_that_all_are_given_out", async () => {
  const service: Service = {
    namespace: "public",
    group: "g",
    name: "quotes",
    revision: 7,
    protection_threshold: 0.6,
    protected: true,
    frozen: true,
    instances: [
      {
        address: "10.1.0.7",
        port: 8080,
        cluster: "DEFAULT",
        zone: "sh",
        weight: 2,
        enabled: true,
        healthy: false,
        ephemeral: true,
        beat_s: 1,
        unhealthy_after_s: 3,
        removed_after_s: 15,
        silent_ms: 4200,
        metadata: { version: "1.4.2" },
      },
    ],
  };
  await stage(
    <Routes>
      <Route path="/:namespace/:group/:name" element={<ServicePage />} />
    </Routes>,
    {
      roles: ["caller"],
      language: "zh-CN",
      at: "/public/g/quotes",
      answers: { [`${API}/services/public/g/quotes`]: service },
    },
  );
  await screen.findByText("10.1.0.7:8080");
  expect(screen.getAllByText("摘除已冻结").length).toBeGreaterThan(0);
  expect(screen.getByText(/半数以上实例同时失联/)).toBeTruthy();
  expect(screen.getByText(/返回全部实例，避免/)).toBeTruthy();
  expect(screen.getByText("version=1.4.2")).toBeTruthy();
  expect(why("设置阈值")).toContain("接口提供方");
});
