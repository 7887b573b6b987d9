import { lazy } from "react";
import type { SystemManifest } from "@/shared/system";

/** What every Rialto has, whatever its systems: evidence and access. */
export const manifest: SystemManifest = {
  name: "platform",
  Routes: lazy(() => import("./routes")),
  menu: [
    {
      label: "menu.evidence",
      icon: "evidence",
      to: "/platform/evidence",
      keys: "g c",
      keywords: "evidence audit zhengju zhengjulian zj",
    },
    {
      label: "menu.standby",
      icon: "system",
      to: "/platform/standby",
      keys: "g h",
      keywords: "standby drill takeover leader rebei yanlian beiji rb yl",
    },
    {
      label: "menu.tokens",
      icon: "token",
      to: "/platform/tokens",
      keys: "g t",
      keywords: "tokens access lingpai lp clone",
    },
    {
      label: "menu.account",
      icon: "user",
      to: "/platform/account",
      keys: "g a",
      keywords: "account password zhanghu mima zh",
    },
  ],
};
