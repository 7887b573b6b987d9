import type { SystemManifest } from "@/shared/system";
import { manifest as delivery } from "@/systems/delivery/manifest";
import { manifest as esb } from "@/systems/esb/manifest";
import { manifest as otc } from "@/systems/otc/manifest";
import { manifest as platform } from "@/systems/platform/manifest";

const KNOWN: readonly SystemManifest[] = [delivery, otc, esb, platform];

/**
 * The systems this server runs and this person may see, in menu order; the platform's own pages
 * are always there.
 */
export function systemsOf(
  modules: readonly { name: string }[],
  roles: readonly string[],
): SystemManifest[] {
  const running = new Set(modules.map((module) => module.name));
  return KNOWN.filter(
    (system) =>
      (system.name === "platform" || running.has(system.name)) &&
      (system.roles === undefined || system.roles.some((role) => roles.includes(role))),
  );
}

/** Where a person's work begins: the system of their role, or the first one. */
export function homeOf(systems: readonly SystemManifest[], roles: readonly string[]): string {
  const own = systems.find((system) => system.homeOf?.some((role) => roles.includes(role)));
  return (own ?? systems[0])?.menu[0]?.to ?? "/platform/evidence";
}
