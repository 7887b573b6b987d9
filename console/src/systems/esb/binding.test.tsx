// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Binding, Version } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import { formOf, inputOf } from "./model/binding";
import { BindingsTab } from "./pages/interface/BindingsTab";

const NOW = "2026-05-18T08:00:00Z";
const HERE = "/api/esb/v1/versions/v-1/bindings";

const binding: Binding = {
  environment: "production",
  answered: false,
  tried_at: NOW,
  updated_at: NOW,
  updated_by: "provider",
  binding: {
    upstreams: [
      { address: "10.0.0.1:8080", weight: 1 },
      { address: "10.0.0.2:8080", weight: 30 },
    ],
    base_path: "/api",
    timeouts: { total_ms: 10_000, connect_ms: 500, first_byte_ms: 3_000, idle_ms: 15_000 },
    retries: 2,
    grey_bp: 50,
    idempotency: { required: true, keep_hours: 24 },
    validation: { request: "enforce", response: "observe", unsafe_response: null },
  },
};

const version = { id: "v-1", number: "1.0.0", state: "testing", revision: 4 } as Version;

describe("a binding's form", () => {
  it("hands_in_what_it_shows", () => {
    const form = formOf(binding.binding);
    expect(form.upstreams).toBe("10.0.0.1:8080\n10.0.0.2:8080 30");
    expect(form.grey).toBe("0.5");
    expect(inputOf(form)).toEqual(binding.binding);
  });

  it.each([
    ["upstreams", ""],
    ["upstreams", "10.0.0.1:80 many"],
    ["upstreams", "10.0.0.1:80 1 2"],
    ["total", "soon"],
    ["grey", "101"],
    ["grey", ""],
  ] as const)("names_%s_when_it_is_%o", (field, text) => {
    expect(inputOf({ ...formOf(binding.binding), [field]: text })).toBe(field);
  });
});

async function tab(roles: string[], one: Version = version): Promise<string[]> {
  const sent = await stage(<BindingsTab version={one} />, {
    roles,
    answers: {
      [HERE]: { items: [binding] },
      [`${HERE}/sandbox`]: { ...binding, environment: "sandbox" },
    },
  });
  await screen.findByRole("form", { name: "sandbox" });
  return sent;
}

const saves = () => screen.getAllByRole("button", { name: "Save the binding" });

describe("the bindings of a version", () => {
  it("tell_whether_upstreams_answered_and_send_what_was_written", async () => {
    const sent = await tab(["provider"]);
    screen.getByText("did not answer");
    expect(saves()[0]?.getAttribute("aria-description")).toContain("at least one upstream");
    const [sandbox] = screen.getAllByLabelText("Upstreams");
    fireEvent.change(sandbox as HTMLElement, { target: { value: "127.0.0.1:9000" } });
    await waitFor(() => expect(saves()[0]?.getAttribute("aria-description")).toBeNull());
    fireEvent.click(saves()[0] as HTMLElement);
    await waitFor(() => expect(sent).toEqual([`PUT ${HERE}/sandbox`]));
  });

  it("are_written_by_providers_alone", async () => {
    await tab(["caller"]);
    expect(saves()[1]?.getAttribute("aria-description")).toContain("Interface provider");
  });

  it("are_closed_once_the_version_is_retired", async () => {
    await tab(["provider"], { ...version, state: "retired" });
    expect(saves()[1]?.getAttribute("aria-description")).toContain("retired");
  });
});
