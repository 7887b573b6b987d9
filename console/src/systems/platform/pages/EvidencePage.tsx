import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { Drawer, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import type { EvidenceRecord } from "@/api/contract";
import { platform } from "@/api/platform";
import { DateTime, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { useSubjectPath } from "@/shared/system";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  CopyButton,
  CopyLine,
  Facts,
  Hash,
  StatusIcon,
  Tag,
  useWord,
} from "@/shared/ui";

const TYPES = [
  "push",

  "pipeline",
  "job",
  "report",
  "verdict",
  "approval",
  "deployment_step",
  "rollback",
  "incident",
  "release",
  "slot_health",
  "config_change",
  "key",
  "signed_in",
  "login_link_issued",
  "login_link_used",
  "password_changed",
  "token_issued",
  "token_revoked",
  "user_created",
  "user_changed",
  "roles_changed",
];
const PAGE = 100;

/** Machines without a name are shown by what they are. */
const isId = (text: string): boolean => /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text);

/** The hash-chained log: records, their head, and a check of the whole chain. */
export default function EvidencePage() {
  const { t } = useTranslation("platform");
  const [params, setParams] = useSearchParams();
  const set = (change: Record<string, string | null>) => {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(change)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    setParams(next, { replace: true });
  };
  const seq = params.get("seq");
  return (
    <>
      <PageHeader
        title={t("menu.evidence")}
        name={t("menu.evidence")}
        meta={t("evidence.about")}
        actions={
          <CopyButton
            value={() => window.location.href}
            label={t("copy.link")}
            text={t("copy.linkShort")}
          />
        }
      />
      <Head />
      <Card flush>
        <Records
          type={params.get("type") ?? ""}
          subject={params.get("subject") ?? ""}
          set={set}
          open={(record) => set({ seq: String(record.seq) })}
        />
      </Card>
      {seq !== null && /^\d+$/.test(seq) && (
        <Details seq={Number(seq)} close={() => set({ seq: null })} />
      )}
    </>
  );
}

function Head() {
  const { t } = useTranslation("platform");
  const format = useFormat();
  const head = useQuery({
    queryKey: ["platform", "evidence", "head"],
    queryFn: ({ signal }) => platform.evidenceHead(signal),
  });
  const check = useMutation({ mutationFn: platform.evidenceCheck });
  return (
    <Card
      title={t("evidence.head")}
      extra={
        <ActionButton small icon="evidence" busy={check.isPending} onClick={() => check.mutate()}>
          {t("evidence.check")}
        </ActionButton>
      }
    >
      <div className="stack tight">
        {check.error && <ErrorState error={check.error} retry={() => check.mutate()} />}
        {check.data && (
          <div className={`check-result tone-${check.data.ok ? "good" : "bad"}`} role="status">
            <StatusIcon state={check.data.ok ? "passed" : "failed"} size={18} />
            <span>
              <b>
                {check.data.ok
                  ? t("evidence.intact", { count: check.data.size })
                  : t("evidence.broken", { seq: check.data.first_bad_seq ?? "?" })}
              </b>{" "}
              <span className="soft">{check.data.message}</span>
            </span>
          </div>
        )}
        <QueryView query={head} rows={3}>
          {(data) => (
            <div className="head-card">
              <Facts
                items={[
                  [t("evidence.size"), <b key="n">{format.integer(data.size)}</b>],
                  [
                    t("evidence.log"),
                    <Hash key="l" value={data.log} label={t("evidence.log")} length={20} />,
                  ],
                  [t("evidence.signedAt"), <DateTime key="t" at={data.time} />],
                ]}
              />
              <Facts
                items={[
                  [
                    t("evidence.root"),
                    <Hash key="r" value={data.root} label={t("evidence.root")} length={20} />,
                  ],
                  [
                    t("evidence.last"),
                    <Hash key="h" value={data.last_hash} label={t("evidence.last")} length={20} />,
                  ],
                ]}
              />
              <Facts
                items={[
                  [
                    t("evidence.key"),
                    <Hash key="k" value={data.key_id} label={t("evidence.key")} length={20} />,
                  ],
                  [
                    t("evidence.signature"),
                    <Hash
                      key="s"
                      value={data.signature}
                      label={t("evidence.signature")}
                      length={20}
                    />,
                  ],
                ]}
              />
            </div>
          )}
        </QueryView>
      </div>
    </Card>
  );
}

interface RecordsProps {
  type: string;
  subject: string;
  set: (change: Record<string, string | null>) => void;
  open: (record: EvidenceRecord) => void;
}

function Records({ type, subject, set, open }: RecordsProps) {
  const { t } = useTranslation("platform");
  const query = useInfiniteQuery({
    queryKey: ["platform", "evidence", "records", type, subject],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      platform.evidenceRecords({ type, subject, page_size: PAGE, page_token: pageParam }, signal),
    getNextPageParam: (page) => page.next_page_token ?? undefined,
  });
  const columns = useColumns();
  return (
    <>
      <div className="evidence-filters">
        <Select
          aria-label={t("evidence.type")}
          placeholder={t("evidence.type")}
          allowClear
          style={{ width: 180 }}
          value={type || null}
          onChange={(value) => set({ type: value ?? null })}
          options={TYPES.map((value) => ({ value, label: t(`recordType.${value}`) }))}
        />
        <Input
          aria-label={t("evidence.subject")}
          placeholder={t("evidence.subject")}
          allowClear
          defaultValue={subject}
          onPressEnter={(event) => set({ subject: event.currentTarget.value.trim() })}
          onChange={(event) => {
            if (event.target.value === "") set({ subject: null });
          }}
        />
      </div>
      <QueryView query={query}>
        {({ pages }) => (
          <DataGrid
            label={t("menu.evidence")}
            rows={pages.flatMap((page) => page.items)}
            columns={columns}
            rowKey={(r) => String(r.seq)}
            onOpen={open}
            exportName="evidence"
            more={
              query.hasNextPage
                ? { load: () => void query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
            empty={<Empty title={t("evidence.none")} detail={t("evidence.noneNext")} />}
          />
        )}
      </QueryView>
    </>
  );
}

function useColumns(): Column<EvidenceRecord>[] {
  const { t } = useTranslation("platform");
  const word = useWord("platform");
  return [
    {
      key: "seq",
      title: t("evidence.seq"),
      width: "70px",
      cell: (r) => <span className="nums">{r.seq}</span>,
      value: (r) => r.seq,
    },
    {
      key: "time",
      title: t("evidence.time"),
      width: "150px",
      cell: (r) => <DateTime at={r.time} />,
      value: (r) => r.time,
    },
    {
      key: "type",
      title: t("evidence.type"),
      width: "130px",
      cell: (r) => <Tag>{word("recordType", r.type)}</Tag>,
      value: (r) => r.type,
    },
    {
      key: "subject",
      title: t("evidence.subject"),
      width: "minmax(220px, 2fr)",
      cell: (r) => <Subject subject={r.subject} />,
      value: (r) => r.subject,
    },
    {
      key: "actor",
      title: t("evidence.actor"),
      width: "minmax(130px, 1fr)",
      cell: (r) => (
        <span className="ellipsis" title={r.actor.id}>
          {r.actor.name ?? (isId(r.actor.id) ? word("actorKind", r.actor.kind) : r.actor.id)}
        </span>
      ),
      value: (r) => r.actor.name ?? r.actor.id,
    },
    {
      key: "hash",
      title: t("evidence.hash"),
      width: "140px",
      cell: (r) => <Hash value={r.hash} label={t("evidence.hash")} length={12} />,
      value: (r) => r.hash,
    },
  ];
}

/** What the record is about, leading to its page where it has one. */
function Subject({ subject }: { subject: string }) {
  const path = useSubjectPath()(subject);
  const text = <code className="ellipsis">{subject}</code>;
  return path ? <Link to={path}>{text}</Link> : text;
}

function Details({ seq, close }: { seq: number; close: () => void }) {
  const { t } = useTranslation("platform");
  const query = useQuery({
    queryKey: ["platform", "evidence", "record", seq],
    queryFn: ({ signal }) => platform.evidenceRecords({ from_seq: seq, page_size: 1 }, signal),
  });
  return (
    <Drawer open title={t("evidence.record", { seq })} size={620} onClose={close}>
      <QueryView query={query}>
        {({ items }) => {
          const record = items.find((r) => r.seq === seq);
          if (!record) return <Empty title={t("evidence.notFound", { seq })} />;
          return <RecordView record={record} />;
        }}
      </QueryView>
    </Drawer>
  );
}

function RecordView({ record }: { record: EvidenceRecord }) {
  const { t } = useTranslation("platform");
  const word = useWord("platform");
  return (
    <div className="stack">
      <Facts
        items={[
          [t("evidence.type"), word("recordType", record.type)],
          [t("evidence.subject"), <Subject key="s" subject={record.subject} />],
          [t("evidence.time"), <DateTime key="t" at={record.time} />],
          [
            t("evidence.actor"),
            `${record.actor.name ?? record.actor.id} (${word("actorKind", record.actor.kind)})`,
          ],
          [t("evidence.epoch"), String(record.epoch)],
          [
            t("evidence.hash"),
            <Hash key="h" value={record.hash} label={t("evidence.hash")} length={32} />,
          ],
          [
            t("evidence.prev"),
            <Hash key="p" value={record.prev} label={t("evidence.prev")} length={32} />,
          ],
        ]}
      />
      {record.refs.length > 0 && (
        <div className="stack tight">
          <h3>{t("evidence.refs")}</h3>
          {record.refs.map((ref, i) => (
            <div key={i} className="row wrap">
              <Tag>{ref.kind}</Tag>
              <code>{ref.id}</code>
              {ref.sha256 && <Hash value={ref.sha256} label={t("evidence.hash")} length={12} />}
            </div>
          ))}
        </div>
      )}
      <div className="stack tight">
        <h3>{t("evidence.body")}</h3>
        <pre className="evidence-body" tabIndex={0} aria-label={t("evidence.body")}>
          {JSON.stringify(record.body, null, 2)}
        </pre>
      </div>
      <CopyLine
        value={`rialto evidence log --from ${record.seq} --limit 1`}
        label={t("evidence.cli")}
      />
    </div>
  );
}
