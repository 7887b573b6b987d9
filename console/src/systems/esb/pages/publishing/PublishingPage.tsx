import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import type { Environment, GatewayNode, Publication, Snapshot } from "@/api/contract.esb";
import { TimeAgo, useFormat, useSaid } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  Facts,
  Hash,
  LinkButton,
  StatusIcon,
  StatusPill,
  useDenied,
  useWord,
} from "@/shared/ui";
import { reads, useTopics, writes } from "../../api";
import { ReasonDialog } from "../../components/ReasonDialog";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";
import { NextPublish } from "./NextPublish";
import { SnapshotGrid } from "./SnapshotGrid";

export const ENVIRONMENTS = ["production", "sandbox"];

/** What the gateways of an environment serve, what a publish would change, and the way back. */
export default function PublishingPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const navigate = useNavigate();
  const environment = useParams().environment ?? "production";
  const denied = useDenied()("esb.snapshot.publish");
  const state = useQuery(reads.environment(environment));
  const preview = useQuery({ ...reads.preview(environment), enabled: denied === null });
  useTopics(["list:esb-snapshots", "list:esb-interfaces"], [["environments", environment]]);
  const [publishing, setPublishing] = useState(false);
  const [back, setBack] = useState<Snapshot | null>(null);
  const [told, setTold] = useState<Publication | null>(null);
  const against = preview.data?.unmet.map((one) => said(one.text)).join(" ") || null;
  return (
    <>
      <PageHeader
        title={t("menu.publishing")}
        name={t("menu.publishing")}
        actions={
          <>
            <Select
              aria-label={t("subscription.environment")}
              style={{ width: 150 }}
              value={environment}
              onChange={(next) => {
                setTold(null);
                void navigate(paths.publishing(next));
              }}
              options={ENVIRONMENTS.map((one) => ({ value: one, label: word("environment", one) }))}
            />
            <ListCommand resource={`environments/${environment}/snapshots`} />
            <LinkButton />
            <ActionButton
              primary
              icon="deployment"
              whyNot={denied ?? (preview.data ? against : t("publish.looking"))}
              onClick={() => setPublishing(true)}
            >
              {t("publish.act")}
            </ActionButton>
          </>
        }
      />
      <div className="stack">
        {told && <Told told={told} />}
        <QueryView query={state}>{(found) => <InForce state={found} />}</QueryView>
        {denied === null && (
          <QueryView query={preview}>{(found) => <NextPublish preview={found} />}</QueryView>
        )}
        <SnapshotGrid environment={environment} denied={denied} goBack={setBack} />
      </div>
      {publishing && (
        <ReasonDialog
          title={t("publish.act")}
          done={t("publish.done")}
          send={(reason) => writes.publish(environment, reason)}
          after={setTold}
          close={() => setPublishing(false)}
        >
          <p>
            {t("publish.means", {
              environment: word("environment", environment),
              count: preview.data?.total ?? 0,
            })}
          </p>
        </ReasonDialog>
      )}
      {back && (
        <ReasonDialog
          danger
          title={t("publish.backTo", { version: back.version })}
          done={t("publish.wentBack")}
          send={(reason) => writes.rollBack(environment, back.version, reason)}
          after={setTold}
          close={() => setBack(null)}
        >
          <p>{t("publish.backNote")}</p>
        </ReasonDialog>
      )}
    </>
  );
}

/** What became of the publish or the way back that was just asked for. */
function Told({ told }: { told: Publication }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const behind = told.nodes.filter((node) => node.state !== "active");
  return (
    <div className={`notice tone-${behind.length === 0 ? "good" : "warn"}`} role="status">
      <StatusIcon state={behind.length === 0 ? "passed" : "warned"} />
      <span className="grow">
        {t("publish.told", {
          version: told.snapshot.version,
          active: format.integer(told.nodes.length - behind.length),
          nodes: format.integer(told.nodes.length),
        })}
      </span>
    </div>
  );
}

function InForce({ state }: { state: Environment }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const { snapshot, nodes } = state;
  return (
    <Card title={t("publish.inForce")}>
      <div className="stack">
        {snapshot ? (
          <Facts
            items={[
              [t("publish.version"), <b key="version">{snapshot.version}</b>],
              [
                t("publish.digest"),
                <Hash key="digest" value={snapshot.digest} label={t("publish.digest")} />,
              ],
              [
                t("publish.holds"),
                t("publish.counts", {
                  interfaces: format.integer(snapshot.holds.interfaces),
                  routes: format.integer(snapshot.holds.routes),
                  subscriptions: format.integer(snapshot.holds.subscriptions),
                  credentials: format.integer(snapshot.holds.credentials),
                }),
              ],
              [t("publish.author"), snapshot.author],
              [t("publish.at"), <TimeAgo key="at" at={snapshot.created_at} />],
              [t("review.reason"), snapshot.reason],
            ]}
          />
        ) : (
          <Empty title={t("publish.never")} detail={t("publish.neverNext")} />
        )}
        <Nodes nodes={nodes} inForce={snapshot?.version ?? null} />
      </div>
    </Card>
  );
}

/** What each gateway said last. */
function Nodes({ nodes, inForce }: { nodes: GatewayNode[]; inForce: number | null }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  if (nodes.length === 0) {
    return <p className="faint">{t("publish.noNodes")}</p>;
  }
  return (
    <table className="plain-table" aria-label={t("publish.nodes")}>
      <thead>
        <tr>
          <th scope="col">{t("publish.node")}</th>
          <th scope="col">{t("interface.state")}</th>
          <th scope="col">{t("publish.version")}</th>
          <th scope="col">{t("publish.address")}</th>
          <th scope="col">{t("publish.saidAt")}</th>
          <th scope="col">{t("publish.why")}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.node}>
            <td>
              <b>{node.node}</b>
            </td>
            <td>
              <StatusPill
                state={node.state === "behind" ? "warned" : node.state}
                label={said(node.state_words) ?? node.state}
              />
            </td>
            <td className="nums">
              {node.version === 0 ? "–" : node.version}
              {node.version !== 0 && inForce !== null && node.version !== inForce && (
                <span className="faint"> ({t("publish.notInForce")})</span>
              )}
            </td>
            <td>
              <code>{node.address}</code>
            </td>
            <td>
              <TimeAgo at={node.told_at} />
            </td>
            <td>{node.reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
