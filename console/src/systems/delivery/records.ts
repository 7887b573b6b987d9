import i18next from "i18next";
import { get } from "@/api/client";
import type { List, PipelineSummary, Project } from "@/api/contract";
import { type Command, matchScore } from "@/shared/keys";
import { BASE } from "./api";
import { paths } from "./paths";

/** Projects by name, pipelines by number, title, branch or commit. */
export async function findRecords(
  text: string,
  go: (path: string) => void,
  signal: AbortSignal,
): Promise<Command[]> {
  const t = i18next.getFixedT(null, "delivery");
  const [projects, pipelines] = await Promise.all([
    get<List<Project>>(`${BASE}/projects`, { page_size: 200 }, signal),
    get<List<PipelineSummary>>(`${BASE}/pipelines`, { page_size: 100 }, signal),
  ]);
  const query = text.replace(/^#/, "");
  const found = projects.items
    .filter((p) => matchScore(`${p.path} ${p.name} ${p.description}`, query) > 0)
    .map((p) => ({
      id: `project:${p.id}`,
      label: p.path,
      group: t("menu.projects"),
      hint: p.description,
      run: () => go(paths.project(p.id)),
    }));
  const runs = pipelines.items
    .filter((p) => matchScore(`${p.no} ${p.title} ${p.ref} ${p.sha}`, query) >= 60)
    .slice(0, 12)
    .map((p) => ({
      id: `pipeline:${p.id}`,
      label: `#${p.no} ${p.title}`,
      group: t("menu.pipelines"),
      keywords: `${p.ref} ${p.sha}`,
      hint: p.project_path,
      run: () => go(paths.pipeline(p.id)),
    }));
  return [...found, ...runs];
}
