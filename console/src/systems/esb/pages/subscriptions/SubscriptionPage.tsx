import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { Input } from "antd";
import type { Tagged } from "@/api/client";
import type { Subscription } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { TimeAgo, useFormat } from "@/shared/format";
import { DecisionForm, PageHeader } from "@/shared/record";
import { ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Facts, Field, LinkButton, Tag, useWord } from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { ListCommand, SubscriptionPill } from "../../components/words";
import { paths } from "../../paths";

/** A subscription: what is asked for, whose turn it is, and the decision. */
export default function SubscriptionPage() {
  const { id = "" } = useParams();
  const query = useQuery(reads.subscription(id));
  useTopics(["list:esb-interfaces"], [["subscription", id]]);
  return <QueryView query={query}>{(one) => <SubscriptionView one={one} />}</QueryView>;
}

function SubscriptionView({ one }: { one: Tagged<Subscription> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const format = useFormat();
  const { request } = one;
  const { quota } = request;
  const name = t("subscription.name", { application: one.application, code: one.interface });
  return (
    <>
      <PageHeader
        title={name}
        name={name}
        crumbs={[{ label: t("menu.subscriptions"), to: paths.subscriptions }]}
        badges={<SubscriptionPill state={one.state} />}
        meta={
          <>
            <Link to={paths.interface(one.interface)}>
              {one.interface} v{one.major}
            </Link>
            <span>{word("environment", one.environment)}</span>
            <span>
              {one.requested_by} <TimeAgo at={one.created_at} />
            </span>
          </>
        }
        actions={
          <>
            <ListCommand resource={`subscriptions/${one.id}`} />
            <LinkButton />
          </>
        }
      />
      <div className="two-columns even">
        <Card title={t("subscribe.terms")}>
          <Facts
            items={[
              [t("subscription.purpose"), request.purpose],
              [
                t("subscription.operations"),
                request.operations.length === 0 ? (
                  t("subscribe.all")
                ) : (
                  <span className="chips">
                    {request.operations.map((operation) => (
                      <Tag key={operation}>{operation}</Tag>
                    ))}
                  </span>
                ),
              ],
              [t("quota.rate_per_second"), format.integer(quota.rate_per_second)],
              [t("quota.burst"), format.integer(quota.burst)],
              [t("quota.daily"), format.integer(quota.daily)],
              [t("quota.concurrency"), format.integer(quota.concurrency)],
              [t("subscription.clearance"), format.integer(request.clearance)],
              [t("subscription.until"), one.until],
            ]}
          />
        </Card>
        <Card title={t("subscription.next")}>
          <Next one={one} />
        </Card>
      </div>
    </>
  );
}

/** Whose turn it is: roles that may go on from a state, by the server's table. */
const TURN: Record<string, string> = {
  requested: "provider",
  provider_approved: "interface_manager",
};
const LIVE = new Set(["active", "expiring", "throttled", "suspended"]);

function Next({ one }: { one: Tagged<Subscription> }) {
  const { t } = useTranslation("esb");
  const { user } = useSession();
  const approve = useAction(
    (reason: string) => writes.subscription(one, "approve", reason),
    t("subscription.agreed"),
  );
  const reject = useAction(
    (reason: string) => writes.subscription(one, "reject", reason),
    t("subscription.rejected"),
  );
  const withdraw = useAction(
    () => writes.subscription(one, "withdraw", ""),
    t("subscription.withdrawn"),
  );
  const turn = TURN[one.state];
  const own = one.requested_by === user.login;
  const failed = approve.error ?? reject.error ?? withdraw.error;
  const takeBack = (one.state === "manager_approved" || turn !== undefined) && own && (
    <ActionButton icon="back" busy={withdraw.isPending} onClick={() => withdraw.mutate(undefined)}>
      {t("subscription.withdraw")}
    </ActionButton>
  );
  const failure = failed && <ErrorState error={failed} />;
  if (turn === undefined)
    return (
      <div className="stack">
        <p>{t(LIVE.has(one.state) ? "turn.live" : `turn.${one.state}`)}</p>
        {takeBack}
        {(LIVE.has(one.state) || one.state === "manager_approved") && <Govern one={one} />}
        {failure}
      </div>
    );
  const rightRole = user.roles.includes(turn);
  const mayReject = rightRole || user.roles.includes("interface_manager");
  const ownNote = own ? t("subscription.own") : null;
  const turnNote = t(`turn.${one.state}`);
  return (
    <div className="stack">
      <p>{turnNote}</p>
      <DecisionForm
        id="subscription-reason"
        label={t("review.reason")}
        whyNot={ownNote ?? (mayReject ? null : turnNote)}
        yes={{
          label: t("subscription.agree"),
          busy: approve.isPending,
          whyNot: () => (rightRole ? null : turnNote),
          give: approve.mutate,
        }}
        no={{
          label: t("subscription.reject"),
          busy: reject.isPending,
          whyNot: (reason) => (reason === "" ? t("review.needsReason") : null),
          give: reject.mutate,
        }}
      >
        {takeBack}
      </DecisionForm>
      {failure}
    </div>
  );
}

const GOVERNORS = ["provider", "interface_manager", "operations"];

/** Cutting, holding and taking away what was agreed; each asks for a reason. */
function Govern({ one }: { one: Tagged<Subscription> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const { user } = useSession();
  const [reason, setReason] = useState("");
  const act = useAction(
    (event: string) => writes.subscription(one, event, reason.trim()),
    t("subscription.changed"),
  );
  const isHeld = one.state === "throttled" || one.state === "suspended";
  const events = LIVE.has(one.state)
    ? [isHeld ? "resume" : "throttle", ...(one.state === "suspended" ? [] : ["suspend"]), "revoke"]
    : ["revoke"];
  const denied = GOVERNORS.some((role) => user.roles.includes(role))
    ? null
    : t("subscription.governors");
  return (
    <div className="stack tight">
      <Field id="govern-reason" label={t("review.reason")}>
        <Input
          id="govern-reason"
          value={reason}
          disabled={denied !== null}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      <div className="row wrap">
        {events.map((event) => (
          <ActionButton
            key={event}
            danger={event !== "resume"}
            busy={act.isPending}
            whyNot={
              denied ??
              (event !== "resume" && reason.trim() === "" ? t("review.needsReason") : null)
            }
            onClick={() => act.mutate(event)}
          >
            {word("subscriptionEvent", event)}
          </ActionButton>
        ))}
      </div>
      {act.error && <ErrorState error={act.error} />}
    </div>
  );
}
