import { lazy } from "react";
import type { SystemManifest } from "@/shared/system";
import { paths } from "./paths";

const RECORD_PAGES: Record<string, (id: string) => string> = {
  project: (id) => paths.project(id),
  pipeline: (id) => paths.pipeline(id),
  job: (id) => paths.job(id),
  release: (id) => paths.release(id),
  deployment: (id) => paths.deployment(id),
};

/** The delivery system as the shell sees it; its pages are a lazy bundle. */
export const manifest: SystemManifest = {
  name: "delivery",
  Routes: lazy(() => import("./routes")),
  menu: [
    {
      label: "menu.projects",
      icon: "project",
      to: "/delivery/projects",
      keys: "g p",
      keywords: "projects xiangmu xm",
    },
    {
      label: "menu.pipelines",
      icon: "pipeline",
      to: "/delivery/pipelines",
      keys: "g l",
      keywords: "pipelines liushuixian lsx",
    },
    {
      label: "menu.incidents",
      icon: "light",
      to: "/delivery/incidents",
      keys: "g r",
      keywords: "red light incidents hongdeng hd",
      Badge: lazy(() => import("./components/OpenIncidents")),
    },
    {
      label: "menu.releases",
      icon: "release",
      to: "/delivery/releases",
      keys: "g v",
      keywords: "releases versions fabu banben fb",
    },
    {
      label: "menu.deployments",
      icon: "deployment",
      to: "/delivery/deployments",
      keys: "g d",
      keywords: "deployments bushu bs",
      Badge: lazy(() => import("./components/WaitingApprovals")),
    },
    {
      label: "menu.environments",
      icon: "environment",
      to: "/delivery/environments",
      keys: "g e",
      keywords: "environments huanjing hj",
    },
  ],
  recordPath: (kind, id) => {
    const page = RECORD_PAGES[kind];
    return page ? page(id) : null;
  },
  findRecords: async (text, go, signal) => {
    const { findRecords } = await import("./records");
    return findRecords(text, go, signal);
  },
};
