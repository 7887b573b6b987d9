/** The six tones a state can have; colour, shape and word always go together. */
export type Tone = "good" | "bad" | "warn" | "busy" | "wait" | "idle";

const TONES: Record<string, Tone> = {
  // jobs and pipelines
  created: "idle",
  waiting_for_resource: "wait",
  preparing: "busy",
  pending: "wait",
  running: "busy",
  canceling: "busy",
  success: "good",
  failed: "bad",
  canceled: "idle",
  skipped: "idle",
  manual: "wait",
  scheduled: "wait",
  warned: "warn",
  // deployments
  requested: "busy",
  checking: "busy",
  awaiting_approval: "wait",
  queued: "wait",
  switching: "busy",
  baking: "busy",
  rolling_back: "warn",
  succeeded: "good",
  rejected: "bad",
  expired: "idle",
  rolled_back: "warn",
  rollback_failed: "bad",
  // environments and slots
  idle: "idle",
  deploying: "busy",
  serving: "good",
  starting: "busy",
  healthy: "good",
  unhealthy: "bad",
  stopped: "idle",
  // verdicts and rules
  passed: "good",
  error: "bad",
  pass: "good",
  fail: "bad",
  not_applicable: "idle",
  missing: "bad",
  skipped_small: "idle",
  waived: "warn",
  // tests
  errored: "bad",
  // steps
  started: "busy",
  ok: "good",
  // lights and incidents
  green: "good",
  red: "bad",
  none: "idle",
  open: "bad",
  closed: "good",
  repaired: "good",
  closed_by_removal: "warn",
  flaky: "warn",
  // reports
  parsed: "good",
  partial: "warn",
  refused: "bad",
  approved: "good",
  // contracts
  draft: "idle",
  pending_approval: "wait",
  pending_confirm: "wait",
  live: "good",
  knocked_out: "warn",
  exercised: "warn",
  terminated: "idle",
  novated: "idle",
  settling: "busy",
  cancelled: "idle",
  // cash flows
  projected: "idle",
  determined: "wait",
  instructed: "busy",
  settled: "good",
  reversed: "idle",
  // versions of interfaces
  identified: "idle",
  in_review: "wait",
  testing: "busy",
  grey: "busy",
  published: "good",
  deprecated: "warn",
  retired: "idle",
  archived: "idle",
  // subscriptions
  provider_approved: "wait",
  manager_approved: "good",
  active: "good",
  throttled: "warn",
  suspended: "bad",
  expiring: "warn",
  revoked: "bad",
  withdrawn: "idle",
  // quotes
  indicative: "idle",
  firm: "busy",
  accepted: "good",
  booked: "good",
};

/** Unknown words (a newer server) are calm, never green. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? "idle";
}

/** Shape drawn inside the status disc. */
export type Glyph =
  | "check"
  | "cross"
  | "bang"
  | "spin"
  | "pause"
  | "dot"
  | "play"
  | "slash"
  | "skip"
  | "clock"
  | "back";

const GLYPHS: Record<string, Glyph> = {
  running: "spin",
  preparing: "spin",
  canceling: "spin",
  switching: "spin",
  checking: "spin",
  requested: "spin",
  baking: "spin",
  deploying: "spin",
  starting: "spin",
  started: "spin",
  manual: "play",
  awaiting_approval: "pause",
  pending: "clock",
  queued: "clock",
  scheduled: "clock",
  waiting_for_resource: "clock",
  canceled: "slash",
  expired: "slash",
  stopped: "slash",
  skipped: "skip",
  not_applicable: "skip",
  skipped_small: "skip",
  rolling_back: "back",
  rolled_back: "back",
  pending_approval: "pause",
  pending_confirm: "pause",
  terminated: "slash",
  novated: "slash",
  cancelled: "slash",
  reversed: "back",
  determined: "clock",
  instructed: "play",
  settling: "clock",
  firm: "clock",
  in_review: "pause",
  provider_approved: "clock",
  suspended: "pause",
};

export function glyphOf(state: string): Glyph {
  const own = GLYPHS[state];
  if (own) return own;
  const tone = toneOf(state);
  if (tone === "good") return "check";
  if (tone === "bad") return "cross";
  if (tone === "warn") return "bang";
  return "dot";
}
