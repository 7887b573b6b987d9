import { lazy } from "react";
import type { SystemManifest } from "@/shared/system";
import { paths } from "./paths";

const RECORD_PAGES: Record<string, (id: string) => string> = {
  esb_interface: (id) => paths.interface(id),
};

const WORKERS = ["provider", "caller", "interface_manager"];

/** The interface platform as the shell sees it; its pages are a lazy bundle. */
export const manifest: SystemManifest = {
  name: "esb",
  roles: [...WORKERS, "developer", "tester", "operations", "security", "auditor", "administrator"],
  homeOf: WORKERS,
  Routes: lazy(() => import("./routes")),
  menu: [
    {
      label: "menu.interfaces",
      icon: "catalogue",
      to: paths.interfaces,
      keys: "g i",
      keywords: "interfaces catalogue jiekou mulu jk ml",
    },
    {
      label: "menu.reviews",
      icon: "inbox",
      to: paths.reviews,
      keys: "g w",
      keywords: "reviews approval pingshen shenpi ps sp",
      Badge: lazy(() => import("./components/OpenReviews")),
    },
    {
      label: "menu.applications",
      icon: "project",
      to: paths.applications,
      keys: "g x",
      keywords: "applications callers yingyong diaoyongfang yy",
    },
    {
      label: "menu.subscriptions",
      icon: "link",
      to: paths.subscriptions,
      keys: "g s",
      keywords: "subscriptions dingyue dy",
    },
    {
      label: "menu.credentials",
      icon: "token",
      to: paths.credentials(),
      keys: "g z",
      keywords: "credentials keys secrets pingzheng miyao pz",
    },
    {
      label: "menu.publishing",
      icon: "deployment",
      to: paths.publishing(),
      keys: "g u",
      keywords: "publishing gateways snapshots rollback fabu wangguan kuaizhao huitui fb wg",
    },
    {
      label: "menu.calls",
      icon: "branch",
      to: paths.calls(),
      keys: "g k",
      keywords: "calls callers map traffic diaoyong guanxi ditu dy",
    },
    {
      label: "menu.services",
      icon: "pipeline",
      to: paths.services,
      keys: "g n",
      keywords: "services instances center fuwu zhuce fw",
    },
    {
      label: "menu.configs",
      icon: "settings",
      to: paths.configs,
      keys: "g o",
      keywords: "configuration items center peizhi pz",
    },
    {
      label: "menu.systems",
      icon: "environment",
      to: paths.systems,
      keys: "g y",
      keywords: "systems owners xitong xt",
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
