import { useQuery } from "@tanstack/react-query";
import { Input, Modal } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Environment, Slot } from "@/api/contract";
import { TimeAgo, useFormat, useSaid } from "@/shared/format";
import { Empty, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  CopyLine,
  Hash,
  Icon,
  StatusPill,
  Tag,
  useDenied,
  useWord,
} from "@/shared/ui";
import { reads, useTopics, writes } from "../../api";
import { cli } from "../../cli";
import { DeploymentList } from "../../components/DeploymentList";
import { useAction } from "../../components/useAction";
import { paths } from "../../paths";

/** The environments of one project or of all, grouped by project. */
export function EnvironmentCards({ projectId }: { projectId?: string }) {
  const { t } = useTranslation("delivery");
  const query = useQuery(reads.environments(projectId));
  const ids = query.data?.items.map((e) => `environment:${e.id}`) ?? [];
  useTopics(["list:projects", ...ids], [["environments"], ["deployments"]]);
  return (
    <QueryView query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title={t("environment.none")} detail={t("environment.noneNext")} />
        ) : (
          <Groups environments={items} withProject={projectId === undefined} />
        )
      }
    </QueryView>
  );
}

function Groups({
  environments,
  withProject,
}: {
  environments: Environment[];
  withProject: boolean;
}) {
  const groups = useMemo(() => {
    const map = new Map<string, Environment[]>();
    for (const e of environments) map.set(e.project_id, [...(map.get(e.project_id) ?? []), e]);
    return [...map.values()];
  }, [environments]);
  return (
    <>
      {groups.map((group) => (
        <section key={group[0]?.project_id} className="stack">
          {withProject && (
            <h2>
              <Link to={paths.project(group[0]?.project_id ?? "", "environments")}>
                {group[0]?.project_path}
              </Link>
            </h2>
          )}
          <div className="env-grid">
            {group.map((environment) => (
              <EnvironmentCard key={environment.id} environment={environment} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

function EnvironmentCard({ environment }: { environment: Environment }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const said = useSaid();
  const denied = useDenied()("delivery.environment.roll_back");
  const [isRollingBack, setRollingBack] = useState(false);
  return (
    <Card
      title={
        <span className="row">
          {environment.name}
          <Tag>{word("tier", environment.tier)}</Tag>
          {environment.protected && <Tag tone="wait">{t("environment.protected")}</Tag>}
          <StatusPill
            state={environment.state}
            label={word("environmentState", environment.state)}
            plain
          />
        </span>
      }
      extra={
        <ActionButton
          small
          icon="back"
          whyNot={
            denied ??
            (environment.can_roll_back
              ? null
              : (said(environment.why_not_text, environment.why_not) ??
                t("environment.cannotRollBack")))
          }
          onClick={() => setRollingBack(true)}
        >
          {t("environment.rollBack")}
        </ActionButton>
      }
    >
      <div className="env-card">
        <Slots slots={environment.slots} />
        <Traffic environment={environment} />
        <DeploymentList filter={{ environment_id: environment.id }} limit={4} />
      </div>
      {isRollingBack && <RollBack environment={environment} close={() => setRollingBack(false)} />}
    </Card>
  );
}

const ORDER = ["active", "candidate", "standby", "reserve", "idle"];
/** As many places are always shown: what serves and what stands by. */
const PLACES = 2;

/** The active slot first, its standby beside it. */
function Slots({ slots }: { slots: Slot[] }) {
  const { t } = useTranslation("delivery");
  const sorted = [...slots]
    .sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role))
    .filter((slot, at) => slot.role !== "idle" || at < PLACES);
  if (sorted.length === 0) return <p className="faint">{t("environment.scripted")}</p>;
  return (
    <div className="slots">
      {sorted.map((slot) => (
        <SlotBox key={slot.name} slot={slot} />
      ))}
    </div>
  );
}

function SlotBox({ slot }: { slot: Slot }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  return (
    <div className={`slot ${slot.role}`}>
      <div className="slot-head">
        <span className="slot-role">{word("slotRole", slot.role)}</span>
        <StatusPill state={slot.health} label={word("health", slot.health)} plain />
      </div>
      <div className="slot-version">
        {slot.release_id && slot.version ? (
          <Link to={paths.release(slot.release_id)}>{slot.version}</Link>
        ) : (
          <span className="faint">{t("environment.nothing")}</span>
        )}
      </div>
      <div className="soft">
        <Hash value={slot.digest} label={t("copy.digest")} length={12} />
      </div>
      <div className="faint">
        {word("slotName", slot.name)}
        {slot.address && (
          <>
            {" · "}
            <code>{slot.address}</code>
          </>
        )}
        {slot.pid !== null && <> · {t("environment.pid", { pid: slot.pid })}</>}
      </div>
      <div className="faint">
        {slot.started_at && (
          <>
            {t("environment.startedAt")} <TimeAgo at={slot.started_at} />
          </>
        )}
        {slot.last_probe_at && (
          <>
            {" · "}
            {t("environment.probedAt")} <TimeAgo at={slot.last_probe_at} />
          </>
        )}
      </div>
    </div>
  );
}

function Traffic({ environment }: { environment: Environment }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const { traffic, url } = environment;
  return (
    <div className="env-traffic row wrap">
      {url && (
        <a href={url} target="_blank" rel="noreferrer" className="row">
          <Icon name="link" size={13} />
          {url}
        </a>
      )}
      {traffic ? (
        <>
          <span>
            {t("environment.requests")} <b className="nums">{format.integer(traffic.requests)}</b>
          </span>
          <span title={t("environment.failedRequestsHelp")}>
            {t("environment.failedRequests")}{" "}
            <b className="nums">{format.integer(traffic.failed_requests)}</b>
          </span>
          <span title={t("environment.failedAttemptsHelp")}>
            {t("environment.failedAttempts")}{" "}
            <b className="nums">{format.integer(traffic.failed_attempts)}</b>
          </span>
          <span title={t("environment.rescuedHelp")}>
            {t("environment.rescued")} <b className="nums">{format.integer(traffic.rescued)}</b>
          </span>
        </>
      ) : (
        <span className="faint">{t("environment.noTraffic")}</span>
      )}
    </div>
  );
}

function RollBack({ environment, close }: { environment: Environment; close: () => void }) {
  const { t } = useTranslation("delivery");
  const navigate = useNavigate();
  const [reason, setReason] = useState("");
  const standby = environment.slots.find((slot) => slot.role === "standby");
  const run = useAction(
    () => writes.rollBack(environment.id, reason.trim()),
    t("environment.rollBackStarted"),
    (deployment) => void navigate(paths.deployment(deployment.id)),
  );
  return (
    <Modal
      open
      title={t("environment.rollBackTitle", { name: environment.name })}
      okText={t("environment.rollBack")}
      okButtonProps={{ danger: true, disabled: reason.trim() === "", loading: run.isPending }}
      onOk={() => run.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        <p>
          {t("environment.rollBackWhat", {
            from: environment.active_release?.version ?? "–",
            to: standby?.version ?? "–",
          })}
        </p>
        <label htmlFor="rollback-reason">{t("environment.reason")}</label>
        <Input.TextArea
          id="rollback-reason"
          rows={3}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        <CopyLine
          value={cli.rollBack(environment.id, reason.trim() || "…")}
          label={t("cli.same")}
        />
      </div>
    </Modal>
  );
}
