import {
  formatClock,
  formatDateTime,
  formatRelative,
  parseInstant,
  UNKNOWN,
  zoneName,
} from "./format";
import { useNow } from "./now";
import { useFormat } from "./useFormat";
import { useLanguage } from "./useLanguage";

/** An instant as "3 min ago", with the full time and zone on hover. */
export function TimeAgo({ at }: { at: string | null | undefined }) {
  const lang = useLanguage();
  const now = useNow(1000);
  if (!at) return <span className="faint">{UNKNOWN}</span>;
  return (
    <time dateTime={at} title={`${formatDateTime(at, lang)} ${zoneName()}`} className="nowrap">
      {formatRelative(at, now, lang)}
    </time>
  );
}

/** An instant in full, with the zone on hover. */
export function DateTime({ at }: { at: string | null | undefined }) {
  const lang = useLanguage();
  if (!at) return <span className="faint">{UNKNOWN}</span>;
  return (
    <time dateTime={at} title={zoneName()} className="nowrap nums">
      {formatDateTime(at, lang)}
    </time>
  );
}

/** A duration that keeps counting while it has a start and no end. */
export function Elapsed({
  ms,
  since,
  until,
}: {
  ms?: number | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
}) {
  const format = useFormat();
  const start = parseInstant(since);
  if (start !== null && !until) return <RunningElapsed start={start} />;
  return <span className="nums nowrap">{format.duration(ms)}</span>;
}

function RunningElapsed({ start }: { start: number }) {
  const format = useFormat();
  const now = useNow(1000);
  return <span className="nums nowrap">{format.duration(Math.max(0, now - start))}</span>;
}

/** A clock that runs since `since`: `07:32`. */
export function RunningClock({ since }: { since: string }) {
  const now = useNow(1000);
  const start = parseInstant(since);
  return (
    <span className="nums" role="timer">
      {start === null ? UNKNOWN : formatClock(now - start)}
    </span>
  );
}
