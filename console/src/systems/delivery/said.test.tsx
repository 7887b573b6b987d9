// @vitest-environment jsdom
import { cleanup, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Route, Routes } from "react-router";
import type { Incident, Said, Verdict } from "@/api/contract";
import { BASE, deployment, environment, list, NOW, pipeline } from "../../../test/delivery";
import { stage } from "../../../test/stage";
import DeploymentPage from "./pages/deployments/DeploymentPage";
import { mergeSteps } from "./pages/deployments/steps";
import { EnvironmentCards } from "./pages/environments/EnvironmentCards";
import IncidentsPage from "./pages/incidents/IncidentsPage";
import GateTab from "./pages/pipelines/GateTab";
import PipelinePage from "./pages/pipelines/PipelinePage";

const said = (en: string, zh: string): Said => ({ code: "some_code", params: {}, en, zh });

const verdict: Verdict = {
  id: "v-1",
  project_id: "p-1",
  pipeline_id: "l-1",
  sha: pipeline.sha,
  artifact_digest: null,
  event: "push",
  rule_set: { id: "default", version: 1, sha256: "aa" },
  base_sha: null,
  base_choice: null,
  inputs: [
    {
      kind: "junit",
      job: "unit",
      name: "junit.xml",
      digest: "sha256:1",
      reader: "junit/1",
      outcome: "refused",
      reason: "the file is cut off",
      text: said("the file is cut off", "文件不完整"),
    },
    {
      kind: "coverage",
      job: "unit",
      name: "coverage.xml",
      digest: "sha256:2",
      reader: "coverage/1",
      outcome: "parsed",
      reason: null,
      text: null,
    },
  ],
  rules: [
    {
      id: "report-integrity",
      measure: "reports.contradictory",
      scope: "overall",
      op: "==",
      bound: "0",
      numerator: 1,
      denominator: null,
      value: "1",
      result: "fail",
      effect: "block",
      detail: "one report contradicts itself",
      text: said("one report contradicts itself", "有 1 份报告自相矛盾"),
      offenders: [
        {
          file: "junit.xml (job unit)",
          line: 3,
          note: "says 5 tests, holds 4",
          text: said("says 5 tests, holds 4", "声明 5 个用例，实有 4 个"),
        },
      ],
    },
  ],
  overall: "failed",
  error: null,
  evaluator: "1",
  created_at: NOW,
  evidence_seq: null,
};

describe("the gate's verdict", () => {
  const answers = { [`${BASE}/pipelines/l-1/verdict`]: verdict };

  it("speaks_chinese_on_a_chinese_page", async () => {
    await stage(<GateTab pipelineId="l-1" hasVerdict />, {
      roles: ["developer"],
      language: "zh-CN",
      answers,
    });
    for (const text of ["有 1 份报告自相矛盾", "声明 5 个用例，实有 4 个", "文件不完整"])
      expect(await screen.findByText(text)).toBeTruthy();
    expect(screen.getByText("报告完整性", { selector: "b" })).toBeTruthy();
    expect(screen.getByText("覆盖率报告", { selector: "b" })).toBeTruthy();
    expect(screen.getByText(/自相矛盾的报告/)).toBeTruthy();
    expect(document.body.textContent).not.toContain("contradicts itself");
  });

  it("speaks_english_on_an_english_page", async () => {
    await stage(<GateTab pipelineId="l-1" hasVerdict />, { roles: ["developer"], answers });
    expect(await screen.findByText("one report contradicts itself")).toBeTruthy();
    expect(screen.getByText("Report integrity", { selector: "b" })).toBeTruthy();
  });

  it("of_an_older_server_is_shown_as_it_was_said", async () => {
    const rules = verdict.rules.map((rule) => ({
      ...rule,
      id: "own:rule",
      text: undefined,
      offenders: [],
    }));
    const old = { ...verdict, rules };
    await stage(<GateTab pipelineId="l-1" hasVerdict />, {
      roles: ["developer"],
      language: "zh-CN",
      answers: { [`${BASE}/pipelines/l-1/verdict`]: old },
    });
    expect(await screen.findByText("one report contradicts itself")).toBeTruthy();
    // Names people gave their rules stay theirs.
    expect(screen.getByText("own:rule", { selector: "b" })).toBeTruthy();
  });
});

it("a_deployment_gives_its_reasons_and_steps_in_the_language_of_the_page", async () => {
  const waiting = {
    ...deployment,
    state: "awaiting_approval",
    required_approvals: 1,
    reason_given: "hotfix 修复",
    reasons: ["the gate failed"],
    reasons_text: [said("the gate failed", "门禁未通过")],
    why_not_approve: "you wrote one of its commits",
    why_not_approve_text: said("you wrote one of its commits", "其中有您的提交"),
    steps: [
      { at: NOW, name: "verify", outcome: "started", detail: "", text: null, duration_ms: null },
      {
        at: NOW,
        name: "verify",
        outcome: "ok",
        detail: "digest matches",
        text: said("digest matches", "摘要一致"),
        duration_ms: 12,
      },
    ],
  };
  await stage(
    <Routes>
      <Route path="delivery/deployments/:id/*" element={<DeploymentPage />} />
    </Routes>,
    {
      roles: ["release_manager"],
      language: "zh-CN",
      answers: { [`${BASE}/deployments/d-1`]: waiting },
      at: "/delivery/deployments/d-1",
    },
  );
  for (const text of ["hotfix 修复", "门禁未通过", "摘要一致"])
    expect(await screen.findByText(text)).toBeTruthy();
  expect(screen.getByText("其中有您的提交")).toBeTruthy();
  expect(document.body.textContent).not.toContain("the gate failed");
});

it("a_step_that_ended_without_words_keeps_those_it_began_with", () => {
  const begun = {
    at: NOW,
    name: "probe",
    outcome: "started",
    detail: "port 8080",
    text: said("port 8080", "端口 8080"),
    duration_ms: null,
  };
  const [merged] = mergeSteps([begun, { ...begun, outcome: "ok", detail: "", text: null }]);
  expect(merged).toMatchObject({ outcome: "ok", detail: "port 8080", text: { zh: "端口 8080" } });
});

it("an_environment_says_in_chinese_why_it_cannot_go_back", async () => {
  const held = {
    ...environment,
    can_roll_back: false,
    why_not: "no standby is healthy",
    why_not_text: said("no standby is healthy", "没有健康的热备"),
  };
  await stage(<EnvironmentCards />, {
    roles: ["operations"],
    language: "zh-CN",
    answers: { [`${BASE}/environments`]: list(held), [`${BASE}/deployments`]: list() },
  });
  const button = await screen.findByRole("button", { name: "回滚" });
  expect(button.getAttribute("aria-description")).toBe("没有健康的热备");
});

describe("a red light", () => {
  const red: Incident = {
    id: "i-1",
    no: 1,
    project_id: "p-1",
    project_path: "desk/quotes",
    branch: "main",
    state: "open",
    close_kind: null,
    pushed_at: NOW,
    red_at: NOW,
    green_at: null,
    detection_ms: 1000,
    repair_ms: null,
    total_ms: null,
    repair_working_ms: null,
    open_ms: 1000,
    open_working_ms: 1000,
    owner: { name: "Pusher", email: "pusher@rialto.example" },
    author: { name: "Writer", email: "writer@rialto.example" },
    cause_class: null,
    cause_confidence: 0,
    failing_pipeline: { id: "l-1", no: 7, sha: pipeline.sha },
    failing_jobs: [
      {
        id: "j-1",
        name: "unit",
        failure_reason: "report_error",
        failure_message: "the report lies",
        failure_text: said("the report lies", "报告与事实不符"),
        failing_line: null,
      },
    ],
    commits: [],
    causes: [],
    closing_pipeline: null,
    alarms: [],
  };
  const cause = (job: string, name: string, red_at: string, repaired_at: string | null) => ({
    jobs: [job],
    owner: { name, email: `${name}@rialto.example` },
    author: null,
    cause_class: "test",
    sha: pipeline.sha,
    pushed_at: red_at,
    red_at,
    repaired_at,
    commits: [],
  });
  const show = (incident: Incident) =>
    stage(<IncidentsPage />, {
      roles: ["developer"],
      language: "zh-CN",
      answers: { [`${BASE}/incidents`]: list(incident) },
    });

  it("names_who_pushed_and_beside_it_who_wrote", async () => {
    await show(red);
    expect((await screen.findAllByText("Pusher")).length).toBeGreaterThan(0);
    expect(screen.getByText(/提交作者 Writer writer@rialto.example/)).toBeTruthy();
    expect(screen.getByText("报告与事实不符")).toBeTruthy();
  });

  it("names_whoever_broke_something_more_beside_the_first_each_with_a_time", async () => {
    const first = cause("deploy-production", "First", "2026-03-02T02:31:49Z", null);
    const second = cause("unit", "Second", "2026-03-02T02:35:40Z", null);
    await show({ ...red, causes: [first, second] });
    const names = () => screen.getAllByText(/^(First|Second)$/).map((name) => name.textContent);
    await screen.findByText("Second");
    expect(names()).toEqual(["First", "Second"]);
    expect(screen.getByText(/deploy-production/)).toBeTruthy();
    expect(screen.getAllByText(/故障始于/)).toHaveLength(2);
    cleanup();
    const repaired = { ...first, repaired_at: "2026-03-02T02:36:00Z" };
    await show({ ...red, causes: [repaired, second] });
    await screen.findByText("Second");
    expect(names()).toEqual(["Second", "First"]);
    expect(screen.getByText(/修复于/)).toBeTruthy();
  });

  it("names_nobody_for_what_the_platform_failed", async () => {
    await show({ ...red, owner: null, author: null });
    expect(await screen.findByText("无人：平台自身故障")).toBeTruthy();
  });

  it("names_one_person_once", async () => {
    await show({ ...red, author: red.owner });
    expect((await screen.findAllByText("Pusher")).length).toBeGreaterThan(0);
    expect(screen.queryByText(/提交作者 \S/)).toBeNull();
  });

  it("keeps_job_pusher_and_author_when_it_is_closed", async () => {
    await show({ ...red, state: "closed", close_kind: "repaired", green_at: NOW, repair_ms: 1000 });
    const table = await screen.findByLabelText("已修复");
    for (const title of ["失败作业", "推送者", "提交作者"])
      expect(table.textContent).toContain(title);
    expect(table.querySelector('a[href="/delivery/jobs/j-1"]')?.textContent).toBe("unit");
    for (const name of ["Pusher", "Writer"]) expect(table.textContent).toContain(name);
  });
});

describe("a pipeline whose configuration is wrong", () => {
  const broken = {
    ...pipeline,
    config_errors: [
      {
        file: ".gitlab-ci.yml",
        line: 3,
        column: 1,
        message: "the key `scirpt` is not known",
        text: said("the key `scirpt` is not known", "未知的键 `scirpt`"),
      },
    ],
  };
  const show = (language: "en" | "zh-CN") =>
    stage(
      <Routes>
        <Route path="delivery/pipelines/:id/*" element={<PipelinePage />} />
      </Routes>,
      {
        roles: ["developer"],
        language,
        answers: { [`${BASE}/pipelines/${pipeline.id}`]: broken },
        at: `/delivery/pipelines/${pipeline.id}`,
      },
    );

  it("says_so_in_chinese_with_the_exact_words_beneath", async () => {
    await show("zh-CN");
    expect(await screen.findByText("未知的键 `scirpt`")).toBeTruthy();
    expect(screen.getByText("the key `scirpt` is not known").getAttribute("lang")).toBe("en");
    expect(screen.getByText(".gitlab-ci.yml:3:1")).toBeTruthy();
  });

  it("says_it_once_in_english", async () => {
    await show("en");
    expect((await screen.findAllByText("the key `scirpt` is not known")).length).toBe(1);
  });
});
