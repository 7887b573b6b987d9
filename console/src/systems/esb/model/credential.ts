import type { Application, Credential } from "@/api/contract.esb";

/** How a state is drawn: elsewhere what was created is under way; here it waits for somebody. */
const LOOKS: Record<string, string> = {
  created: "pending",
  delivered: "active",
  rotating: "expiring",
};

export const lookOf = (state: string): string => LOOKS[state] ?? state;

/** States in which gateways take it. */
const AT_WORK = new Set(["delivered", "active", "rotating"]);
const GONE = new Set(["revoked", "expired"]);

export const isGone = ({ state }: Pick<Credential, "state">): boolean => GONE.has(state);

/** When it stops to work: with its own end, or with the overlap with its successor. */
export const endOf = ({
  expires_at,
  overlap_ends_at,
}: Pick<Credential, "expires_at" | "overlap_ends_at">): string => overlap_ends_at ?? expires_at;

/** Whether somebody answers for an application, or added it. */
export const holds = (
  login: string,
  application: Pick<Application, "owner" | "created_by"> | undefined,
): boolean =>
  application !== undefined && [application.owner, application.created_by].includes(login);

/**
 * Why none can be made that comes after this one now: `notYet` before its secret was fetched,
 * `gone`, `waiting` while one that comes after it is there, `before` while the one before it works.
 */
export function rotationStop(
  one: Pick<Credential, "id" | "state" | "replaces">,
  all: readonly Pick<Credential, "id" | "state" | "replaces">[],
): "notYet" | "gone" | "waiting" | "before" | null {
  if (one.state === "created") return "notYet";
  if (isGone(one)) return "gone";
  if (all.some((other) => other.id === one.replaces && AT_WORK.has(other.state))) return "before";
  const next = all.filter((other) => other.replaces === one.id);
  return one.state === "rotating" && next.some((other) => !isGone(other)) ? "waiting" : null;
}
