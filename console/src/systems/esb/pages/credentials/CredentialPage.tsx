import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import type { Tagged } from "@/api/client";
import type { Credential, Fetched } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { DateTime, TimeAgo, useNow, useSaid } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { ErrorState, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  CopyLine,
  Facts,
  Icon,
  LinkButton,
  useDenied,
  useWord,
} from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { AddForm } from "../../components/AddForm";
import { CredentialPill } from "../../components/CredentialPill";
import { ReasonDialog } from "../../components/ReasonDialog";
import { useOthers } from "../../components/usePeople";
import { ListCommand } from "../../components/words";
import { endOf, holds, isGone, rotationStop } from "../../model/credential";
import { inDays } from "../../model/tree";
import { paths } from "../../paths";

const HALF_A_YEAR = 180;
/** Days two work side by side when nothing else is said, and the longest. */
const USUAL_OVERLAP = "7";
const LONGEST_OVERLAP = 30;

/** A credential: where it stands, its secret for the one who fetches it, its successor, its end. */
export default function CredentialPage() {
  const { id = "" } = useParams();
  const query = useQuery(reads.credential(id));
  useTopics(["list:esb-credentials"], [["credentials"]]);
  return <QueryView query={query}>{(one) => <CredentialView key={one.id} one={one} />}</QueryView>;
}

function CredentialView({ one }: { one: Tagged<Credential> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const name = t("credential.name", {
    application: one.application,
    kind: word("credentialKind", one.kind),
  });
  return (
    <>
      <PageHeader
        title={name}
        name={name}
        crumbs={[
          { label: t("menu.credentials"), to: paths.credentials() },
          { label: one.application, to: paths.credentials(one.application) },
        ]}
        badges={<CredentialPill one={one} />}
        meta={
          <>
            <code>{one.id}</code>
            <span>{word("environment", one.environment)}</span>
            <span>
              {one.created_by} <TimeAgo at={one.created_at} />
            </span>
          </>
        }
        actions={
          <>
            <ListCommand resource={`credentials/${one.id}`} />
            <LinkButton />
            <Revoke one={one} />
          </>
        }
      />
      <div className="two-columns even">
        <Card title={t("credential.facts")}>
          <KeptFacts one={one} />
        </Card>
        <Secret one={one} />
      </div>
      {!isGone(one) && <Rotation one={one} />}
    </>
  );
}

function KeptFacts({ one }: { one: Credential }) {
  const { t } = useTranslation("esb");
  const all = useQuery(reads.credentials(one.application)).data?.items ?? [];
  const next = all.filter((other) => other.replaces === one.id).at(-1);
  const other = (id: string) => <Link to={paths.credential(id)}>{id}</Link>;
  const overlap: [string, ReactNode][] = one.overlap_ends_at
    ? [[t("credential.overlapEnds"), <DateTime key="overlap" at={one.overlap_ends_at} />]]
    : [];
  return (
    <Facts
      items={[
        [t("credential.until"), <DateTime key="until" at={endOf(one)} />],
        ...overlap,
        [t("subscription.by"), one.created_by],
        [t("credential.receiver"), one.deliver_to],
        [
          t("credential.fetchedAt"),
          one.delivered_at ? <DateTime key="at" at={one.delivered_at} /> : "–",
        ],
        [t("credential.before"), one.replaces ? other(one.replaces) : "–"],
        [t("credential.after"), next ? other(next.id) : "–"],
      ]}
    />
  );
}

/** The secret is told once, to the one person named; it stands on this page until they leave it. */
function Secret({ one }: { one: Credential }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const { user } = useSession();
  const [told, setTold] = useState<Fetched | null>(null);
  const fetch = useAction(() => writes.fetchSecret(one.id), null, setTold);
  const forget = () => {
    setTold(null);
    fetch.reset();
  };
  const whyNot =
    one.state !== "created"
      ? t(one.delivered_at ? "credential.fetched" : "credential.neverFetched")
      : one.deliver_to === user.login
        ? null
        : t("credential.onlyReceiver", { login: one.deliver_to });
  return (
    <Card title={t("credential.secret")}>
      {told ? (
        <section className="stack" aria-label={t("credential.told")}>
          <div className="notice tone-warn" role="alert">
            <Icon name="warning" size={16} />
            <span className="grow">{t("credential.onceWarning")}</span>
          </div>
          <CopyLine value={told.secret} label={t("credential.copySecret")} />
          <p className="soft">{said(told.usage)}</p>
          <div className="row">
            <ActionButton icon="check" onClick={forget}>
              {t("credential.kept")}
            </ActionButton>
          </div>
        </section>
      ) : (
        <div className="stack">
          <p>{whyNot ?? t("credential.onceNote")}</p>
          <div className="row">
            <ActionButton
              primary
              icon="token"
              busy={fetch.isPending}
              whyNot={whyNot}
              onClick={() => fetch.mutate(undefined)}
            >
              {t("credential.fetch")}
            </ActionButton>
          </div>
          {fetch.error && <ErrorState error={fetch.error} />}
        </div>
      )}
    </Card>
  );
}

/** Who answers for the application of a credential, and whether that is this person. */
function useHolder(one: Credential): string | null {
  const { t } = useTranslation("esb");
  const { user } = useSession();
  const application = useQuery(reads.applications()).data?.items.find(
    (other) => other.code === one.application,
  );
  return holds(user.login, application)
    ? null
    : t("credential.onlyHolder", {
        application: one.application,
        login: application?.owner ?? "–",
      });
}

function Rotation({ one }: { one: Tagged<Credential> }) {
  const { t } = useTranslation("esb");
  const navigate = useNavigate();
  const now = useNow(60_000);
  const denied = useDenied()("esb.subscription.request");
  const notHeld = useHolder(one);
  const all = useQuery(reads.credentials(one.application)).data?.items ?? [];
  const stop = rotationStop(one, all);
  return (
    <AddForm
      id="rotation"
      title={t("credential.rotate")}
      denied={denied ?? notHeld ?? (stop ? t(`rotationStop.${stop}`) : null)}
      missing={t("credential.rotationMissing")}
      done={t("credential.rotated")}
      after={(made: Credential) => void navigate(paths.credential(made.id))}
      fields={[
        {
          name: "overlap_days",
          label: t("credential.overlap"),
          initial: USUAL_OVERLAP,
          type: "number",
          most: 2,
          note: t("credential.overlapNote", { most: LONGEST_OVERLAP }),
        },
        {
          name: "until",
          label: t("credential.lastDay"),
          initial: inDays(HALF_A_YEAR, now),
          type: "date",
          note: t("credential.lastDayNote"),
        },
        {
          name: "deliver_to",
          label: t("credential.receiver"),
          options: useOthers(),
          note: t("credential.receiverNote"),
        },
      ]}
      send={({ overlap_days, ...rest }) =>
        writes.rotate(one, { ...rest, overlap_days: Number(overlap_days) })
      }
    >
      <p className="soft">{t("credential.rotateNote")}</p>
    </AddForm>
  );
}

function Revoke({ one }: { one: Tagged<Credential> }) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.version.review");
  const notHeld = useHolder(one);
  const [asking, setAsking] = useState(false);
  // Reviewers may, whoever answers for it; so may who answers for it.
  const refused =
    denied === null || notHeld === null ? null : t("credential.revokers", { holder: notHeld });
  return (
    <>
      <ActionButton
        danger
        icon="close"
        whyNot={isGone(one) ? t("rotationStop.gone") : refused}
        onClick={() => setAsking(true)}
      >
        {t("credential.revoke")}
      </ActionButton>
      {asking && (
        <ReasonDialog
          danger
          title={t("credential.revoke")}
          done={t("credential.revoked")}
          send={(reason) => writes.revoke(one, reason)}
          close={() => setAsking(false)}
        >
          <p>{t("credential.revokeNote")}</p>
        </ReasonDialog>
      )}
    </>
  );
}
