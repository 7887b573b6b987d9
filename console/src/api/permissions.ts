import { useSession } from "./session";

/**
 * Which roles give a permission the console asks about. The server decides and keeps the same
 * table (`platform/identity/src/permission.rs`); `test/permissions.test.ts` holds the two together.
 */
export const ROLES_OF = {
  "platform.standby.drill": ["operations", "administrator"],
  "delivery.variable.manage": ["release_manager", "operations", "administrator"],
  "delivery.gate_rule.manage": ["quality_owner"],
  "delivery.pipeline.run": [
    "developer",
    "tester",
    "quality_owner",
    "release_manager",
    "operations",
  ],
  "delivery.deployment.cancel": ["developer", "release_manager", "operations"],
  "delivery.environment.roll_back": ["release_manager", "operations"],
  "otc.market.enter": ["trader", "middle_office", "risk"],
  "otc.quote.make": ["trader"],
  "otc.trade.book": ["trader"],
  "otc.trade.confirm": ["middle_office"],
  "otc.fixing.enter": ["middle_office"],
  "otc.flow.settle": ["settlement"],
  "otc.approval.decide": ["middle_office", "risk"],
  "esb.system.manage": ["interface_manager", "administrator"],
  "esb.interface.provide": ["provider"],
  "esb.version.review": ["interface_manager", "security"],
  "esb.snapshot.publish": ["operations", "interface_manager"],
  "esb.subscription.request": ["caller"],
  "esb.instance.register": ["provider", "operations"],
  "esb.config.write": ["provider", "operations"],
  "esb.config.open": ["provider", "operations"],
} as const satisfies Record<string, readonly string[]>;

export type Permission = keyof typeof ROLES_OF;

/** Whether one of these roles gives the permission. */
export const may = (roles: readonly string[], permission: Permission): boolean =>
  ROLES_OF[permission].some((role) => roles.includes(role));

/** Asks it for the signed-in person. */
export function useMay(): (permission: Permission) => boolean {
  const { user } = useSession();
  return (permission) => may(user.roles, permission);
}
