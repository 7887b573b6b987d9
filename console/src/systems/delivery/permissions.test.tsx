// @vitest-environment jsdom
import { fireEvent, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Route, Routes } from "react-router";
import { BASE, deployment, environment, list, pipeline } from "../../../test/delivery";
import { stage } from "../../../test/stage";
import DeploymentPage from "./pages/deployments/DeploymentPage";
import { EnvironmentCards } from "./pages/environments/EnvironmentCards";
import PipelinePage from "./pages/pipelines/PipelinePage";
import VariablesTab from "./pages/projects/VariablesTab";

/** What a button says about itself to everybody, screen readers included. */
async function button(name: string): Promise<{ element: HTMLElement; off: boolean; why: string }> {
  const element = await screen.findByRole("button", { name });
  return {
    element,
    off: element.getAttribute("aria-disabled") === "true",
    why: element.getAttribute("aria-description") ?? "",
  };
}

describe("rolling an environment back", () => {
  const answers = {
    [`${BASE}/environments`]: list(environment),
    [`${BASE}/deployments`]: list(),
  };

  it.each([[["auditor"]], [["developer"]]])("is_off_for_%s_and_names_the_roles", async (roles) => {
    await stage(<EnvironmentCards />, { roles, answers });
    const { element, off, why } = await button("Roll back");
    expect(off).toBe(true);
    expect(why).toContain("Release manager or Operations");
    fireEvent.click(element);
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("is_on_for_operations", async () => {
    await stage(<EnvironmentCards />, { roles: ["operations"], answers });
    const { element, off, why } = await button("Roll back");
    expect([off, why]).toEqual([false, ""]);
    fireEvent.click(element);
    expect(await screen.findByRole("dialog")).toBeTruthy();
  });

  it("says_it_in_chinese_on_a_chinese_page", async () => {
    await stage(<EnvironmentCards />, { roles: ["auditor"], language: "zh-CN", answers });
    const { why } = await button("回滚");
    expect(why).toBe("此操作需要发布经理或运维角色，您的角色是审计。");
  });

  it("gives_the_state_as_the_reason_to_who_may_do_it", async () => {
    const held = { ...environment, can_roll_back: false, why_not: "no standby is healthy" };
    await stage(<EnvironmentCards />, {
      roles: ["operations"],
      answers: { ...answers, [`${BASE}/environments`]: list(held) },
    });
    const { off, why } = await button("Roll back");
    expect([off, why]).toEqual([true, "no standby is healthy"]);
  });
});

describe("a failed pipeline", () => {
  const answers = { [`${BASE}/pipelines/l-1`]: pipeline };
  const page = (
    <Routes>
      <Route path="delivery/pipelines/:id/*" element={<PipelinePage />} />
    </Routes>
  );
  const at = "/delivery/pipelines/l-1/graph";

  it("is_not_retried_by_an_auditor_from_its_head_or_its_graph", async () => {
    const sent = await stage(page, { roles: ["auditor"], answers, at });
    for (const name of ["Retry failed jobs", "Cancel", "Retry package"]) {
      const { element, off, why } = await button(name);
      expect([name, off]).toEqual([name, true]);
      expect(why).toContain("Developer, Tester, Quality owner, Release manager, or Operations");
      fireEvent.click(element);
    }
    expect(sent).toEqual([]);
  });

  it("is_retried_by_a_developer", async () => {
    const sent = await stage(page, { roles: ["developer"], answers, at });
    const { element, off } = await button("Retry package");
    expect(off).toBe(false);
    fireEvent.click(element);
    await expect.poll(() => sent, { timeout: 60_000 }).toEqual([`POST ${BASE}/jobs/j-1/retry`]);
  });
});

it("a_deployment_is_cancelled_by_those_who_may_only", async () => {
  const answers = { [`${BASE}/deployments/d-1`]: deployment };
  const page = (
    <Routes>
      <Route path="delivery/deployments/:id/*" element={<DeploymentPage />} />
    </Routes>
  );
  const at = "/delivery/deployments/d-1";
  const sent = await stage(page, { roles: ["tester"], answers, at });
  const { element, off } = await button("Cancel deployment");
  expect(off).toBe(true);
  fireEvent.click(element);
  expect(sent).toEqual([]);
});

it("variables_are_not_even_asked_for_by_who_may_not_read_them", async () => {
  await stage(<VariablesTab projectId="p-1" />, { roles: ["developer"] });
  expect(screen.getByText("The variables of this project are not shown to you.")).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});
