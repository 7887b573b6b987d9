import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Input, Modal, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Drill, Standby } from "@/api/contract.platform";
import { platform } from "@/api/platform";
import { DateTime, TimeAgo, useFormat, useSaid } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  Facts,
  Field,
  LinkButton,
  StatusPill,
  useDenied,
  useWord,
} from "@/shared/ui";

const KEY = ["platform", "standby"];
const KINDS = ["kill", "stop", "pause"];
/** A drill without a certificate is looked at again this often, for this long, ms. */
const AGAIN = 1_000;
const PATIENCE = 120_000;

/** Without a verdict, and young enough that one may still come. */
const isRunning = (drill: Drill): boolean =>
  drill.met === null && Date.now() - Date.parse(drill.asked_at) < PATIENCE;

/** Who leads, who would take over, and drills that prove it with a certificate. */
export default function StandbyPage() {
  const { t } = useTranslation("platform");
  const standby = useQuery({
    queryKey: [...KEY, "state"],
    queryFn: ({ signal }) => platform.standby(signal),
    refetchInterval: 5_000,
  });
  // While the house is led by nobody its requests fail: they are asked again.
  const drills = useQuery({
    queryKey: [...KEY, "drills"],
    queryFn: ({ signal }) => platform.drills(signal),
    refetchInterval: ({ state }) => (state.data?.items.some(isRunning) ? AGAIN : false),
    retry: 30,
    retryDelay: AGAIN,
  });
  return (
    <>
      <PageHeader
        title={t("menu.standby")}
        name={t("menu.standby")}
        meta={t("standby.about")}
        actions={<LinkButton />}
      />
      <div className="stack">
        <QueryView query={standby}>
          {(state) => (
            <div className="two-columns even">
              <Servers state={state} />
              <DrillCard state={state} />
            </div>
          )}
        </QueryView>
        <QueryView query={drills}>{({ items }) => <DrillGrid drills={items} />}</QueryView>
      </div>
    </>
  );
}

function Servers({ state }: { state: Standby }) {
  const { t } = useTranslation("platform");
  const said = useSaid();
  return (
    <Card title={t("standby.servers")}>
      <div className="stack">
        <Facts
          items={[
            [t("standby.leader"), state.leader ? <code key="leader">{state.leader}</code> : "–"],
            [t("standby.epoch"), state.epoch ?? "–"],
          ]}
        />
        {state.standbys.length > 0 ? (
          <table className="plain-table" aria-label={t("standby.standbys")}>
            <thead>
              <tr>
                <th scope="col">{t("standby.standbys")}</th>
                <th scope="col">{t("standby.since")}</th>
              </tr>
            </thead>
            <tbody>
              {state.standbys.map((server) => (
                <tr key={server.name}>
                  <td>
                    <code>{server.name}</code>
                  </td>
                  <td>
                    <TimeAgo at={server.since} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <p className="faint">{said(state.why_not) ?? t("standby.nobody")}</p>
        )}
      </div>
    </Card>
  );
}

/** The drill button: which way the leader ends, and why. */
function DrillCard({ state }: { state: Standby }) {
  const { t } = useTranslation("platform");
  const said = useSaid();
  const word = useWord("platform");
  const format = useFormat();
  const client = useQueryClient();
  const denied = useDenied()("platform.standby.drill");
  const [kind, setKind] = useState("kill");
  const [reason, setReason] = useState("");
  const [sure, setSure] = useState(false);
  const start = useMutation({
    mutationFn: () => platform.drill({ kind, reason: reason.trim() }),
    onSuccess: () => setReason(""),
    onSettled: () => {
      setSure(false);
      void client.invalidateQueries({ queryKey: KEY });
    },
  });
  const whyNot =
    denied ?? said(state.why_not) ?? (reason.trim() === "" ? t("drill.needsReason") : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) setSure(true);
  };
  return (
    <Card title={t("drill.title")}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">{t("drill.target", { target: format.integer(state.target_ms) })}</p>
        <Field id="drill-kind" label={t("drill.kind")}>
          <Select
            id="drill-kind"
            style={{ width: "100%" }}
            value={kind}
            onChange={setKind}
            options={KINDS.map((one) => ({ value: one, label: word("drillKind", one) }))}
          />
        </Field>
        <Field id="drill-reason" label={t("drill.reason")}>
          <Input
            id="drill-reason"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        {start.error && <ErrorState error={start.error} />}
        <div className="row">
          <ActionButton danger icon="play" busy={start.isPending} whyNot={whyNot}>
            {t("drill.run")}
          </ActionButton>
        </div>
      </form>
      {sure && (
        <Modal
          open
          title={t("drill.sure")}
          okText={t("drill.run")}
          okButtonProps={{ danger: true, loading: start.isPending }}
          onOk={() => start.mutate()}
          onCancel={() => setSure(false)}
        >
          <p>{t("drill.means", { leader: state.leader ?? "–" })}</p>
        </Modal>
      )}
    </Card>
  );
}

/** Drills with what was measured; each that ended is in the evidence log. */
function DrillGrid({ drills }: { drills: Drill[] }) {
  const { t } = useTranslation("platform");
  const word = useWord("platform");
  const format = useFormat();
  const ms = (value: number | null) => (
    <span className="nums">{value === null ? "–" : `${format.integer(Math.round(value))} ms`}</span>
  );
  const columns: Column<Drill>[] = [
    {
      key: "at",
      title: t("drill.at"),
      width: "170px",
      cell: (one) => <DateTime at={one.asked_at} />,
      value: (one) => one.asked_at,
    },
    {
      key: "kind",
      title: t("drill.kind"),
      width: "minmax(130px, 1fr)",
      cell: (one) => word("drillKind", one.kind),
      value: (one) => one.kind,
    },
    {
      key: "verdict",
      title: t("drill.verdict"),
      width: "130px",
      cell: (one) => <Verdict drill={one} />,
      value: (one) => String(one.met),
    },
    {
      key: "led",
      title: t("drill.led"),
      width: "110px",
      align: "end",
      cell: (one) => ms(one.take_over_ms),
      value: (one) => one.take_over_ms,
    },
    {
      key: "outage",
      title: t("drill.outage"),
      width: "110px",
      align: "end",
      cell: (one) => ms(one.outage_ms),
      value: (one) => one.outage_ms,
    },
    {
      key: "target",
      title: t("drill.goal"),
      width: "100px",
      align: "end",
      cell: (one) => ms(one.target_ms),
      value: (one) => one.target_ms,
    },
    {
      key: "refused",
      title: t("drill.refused"),
      width: "120px",
      cell: (one) =>
        one.old_epoch_refused === null ? "–" : t(one.old_epoch_refused ? "drill.yes" : "drill.no"),
      value: (one) => String(one.old_epoch_refused),
    },
    {
      key: "by",
      title: t("drill.by"),
      width: "minmax(140px, 1.4fr)",
      cell: (one) => (
        <span className="two-lines">
          {one.asked_by}
          <span className="faint">{one.reason}</span>
        </span>
      ),
      value: (one) => `${one.asked_by}: ${one.reason}`,
    },
    {
      key: "evidence",
      title: t("drill.evidence"),
      width: "110px",
      cell: (one) =>
        one.evidence_seq === null ? (
          "–"
        ) : (
          <Link to={`/platform/evidence?seq=${one.evidence_seq}`}>#{one.evidence_seq}</Link>
        ),
      value: (one) => one.evidence_seq,
    },
  ];
  return (
    <Card flush title={t("drill.all")}>
      <DataGrid
        label={t("drill.all")}
        rows={drills}
        columns={columns}
        rowKey={(one) => one.id}
        exportName="drills"
        empty={<Empty title={t("drill.none")} detail={t("drill.noneNext")} />}
      />
    </Card>
  );
}

function Verdict({ drill }: { drill: Drill }) {
  const { t } = useTranslation("platform");
  if (drill.met === null) {
    const running = isRunning(drill);
    return (
      <StatusPill
        state={running ? "running" : "warned"}
        label={t(running ? "drill.running" : "drill.unfinished")}
      />
    );
  }
  return (
    <StatusPill
      state={drill.met ? "passed" : "failed"}
      label={t(drill.met ? "drill.met" : "drill.missed")}
    />
  );
}
