import type { SystemManifest } from "@/shared/system";
import { manifest as delivery } from "@/systems/delivery/manifest";
import { manifest as otc } from "@/systems/otc/manifest";
import { manifest as platform } from "@/systems/platform/manifest";

const KNOWN: readonly SystemManifest[] = [delivery, otc, platform];

/** The systems this server runs, in menu order; the platform's own pages are always there. */
export function systemsOf(modules: readonly { name: string }[]): SystemManifest[] {
  const running = new Set(modules.map((module) => module.name));
  return KNOWN.filter((system) => system.name === "platform" || running.has(system.name));
}
