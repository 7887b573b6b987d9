import { lazy } from "react";
import type { SystemManifest } from "@/shared/system";
import { paths } from "./paths";

const RECORD_PAGES: Record<string, (id: string) => string> = {
  trade: (id) => paths.trade(id),
  quote: (id) => paths.quote(id),
};

const DESK = ["trader", "middle_office", "settlement", "risk"];

/** The OTC desk as the shell sees it; its pages are a lazy bundle. */
export const manifest: SystemManifest = {
  name: "otc",
  roles: [...DESK, "auditor", "administrator"],
  homeOf: DESK,
  Routes: lazy(() => import("./routes")),
  menu: [
    {
      label: "menu.trades",
      icon: "contract",
      to: paths.trades,
      keys: "g b",
      keywords: "trades blotter contracts heyue taizhang hy tz",
    },
    {
      label: "menu.quotes",
      icon: "quote",
      to: paths.quotes,
      keys: "g q",
      keywords: "quotes quote ticket baojia xunjia bj xj",
    },
    {
      label: "menu.calendar",
      icon: "calendar",
      to: paths.calendar,
      keys: "g k",
      keywords: "calendar events rili shijian rl",
    },
    {
      label: "menu.fixings",
      icon: "fixing",
      to: paths.fixings,
      keys: "g f",
      keywords: "fixings import prices dingpan daoru dp",
    },
    {
      label: "menu.approvals",
      icon: "inbox",
      to: paths.approvals,
      keys: "g a",
      keywords: "approvals four eyes fuhe shenpi fh sp",
      Badge: lazy(() => import("./components/OpenApprovals")),
    },
    {
      label: "menu.flows",
      icon: "money",
      to: paths.flows,
      keys: "g c",
      keywords: "cash flows settlement jiesuan xianjinliu js",
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
