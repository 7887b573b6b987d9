import { Select } from "antd";
import { useTranslation } from "react-i18next";
import type { Caller, Change, ChangeList, Version } from "@/api/contract.esb";
import { useFilters, usePagedOf } from "@/shared/filter";
import { TimeAgo, useFormat, useSaid } from "@/shared/format";
import { QueryView, Empty } from "@/shared/states";
import { ActionButton, Card, useWord } from "@/shared/ui";
import { CompatPill, Place, SeverityPill } from "../../components/words";
import { NoDefinition } from "./OperationsTab";

interface Props {
  version: Version;
  versions: Version[];
}

/** What a version means for the callers of the one before, operation by operation. */
export function ChangesTab({ version, versions }: Props) {
  if (!version.definition) return <NoDefinition />;
  return <Changes version={version} versions={versions} />;
}

function Changes({ version, versions }: Props) {
  const { t } = useTranslation("esb");
  const { value, set } = useFilters();
  const base = value("base");
  const { query, rows, more, first } = usePagedOf<Change, ChangeList>(
    "esb",
    `versions/${version.id}/changes`,
    { base },
  );
  const others = versions.filter((v) => v.id !== version.id && v.definition !== null);
  return (
    <div className="stack">
      <div className="filters">
        <label htmlFor="changes-base">{t("change.base")}</label>
        <Select
          id="changes-base"
          aria-label={t("change.base")}
          placeholder={t("change.current")}
          allowClear
          style={{ width: 220 }}
          value={base ?? null}
          onChange={(next) => set({ base: next })}
          options={others.map((v) => ({ value: v.id, label: v.number }))}
        />
        {first && (
          <span className="row">
            <CompatPill verdict={first.verdict} />
            {first.base_number && (
              <span className="soft">
                {t("change.against", { number: first.base_number, count: first.total })}
              </span>
            )}
          </span>
        )}
      </div>
      {first && first.callers.length > 0 && <AffectedCallers callers={first.callers} />}
      <QueryView query={query}>
        {() =>
          rows.length === 0 ? (
            <Card>
              <Empty
                title={first?.base ? t("change.none") : t("change.first")}
                detail={first?.base ? t("change.noneNext") : t("change.firstNext")}
              />
            </Card>
          ) : (
            <>
              {byOperation(rows).map(([operation, changes]) => (
                <OperationChanges key={operation} operation={operation} changes={changes} />
              ))}
              {more && (
                <ActionButton busy={more.busy} onClick={more.load}>
                  {t("parts.more")}
                </ActionButton>
              )}
            </>
          )
        }
      </QueryView>
    </div>
  );
}

/** Who calls what changes, by their subscriptions: whom to talk to before anything is published. */
function AffectedCallers({ callers }: { callers: Caller[] }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const word = useWord("esb");
  return (
    <Card title={t("change.callers", { count: callers.length })} flush>
      <table className="plain-table" aria-label={t("change.callersName")}>
        <thead>
          <tr>
            <th scope="col">{t("change.caller")}</th>
            <th scope="col">{t("interface.owner")}</th>
            <th scope="col">{t("subscription.environment")}</th>
            <th scope="col" className="end">
              {t("change.breaks")}
            </th>
            <th scope="col" className="end">
              {t("change.cautions")}
            </th>
            <th scope="col" className="end">
              {t("change.calls")}
            </th>
            <th scope="col">{t("change.touches")}</th>
          </tr>
        </thead>
        <tbody>
          {callers.map((one) => (
            <tr key={one.application}>
              <td>
                {one.name || one.application} <code className="faint">{one.application}</code>
              </td>
              <td>{one.owner}</td>
              <td>{one.environments.map((name) => word("environment", name)).join(", ")}</td>
              <td className="end nums">{one.errors}</td>
              <td className="end nums">{one.warnings}</td>
              <td className="end nums">
                {format.integer(one.requests)}
                {one.last_call_at !== null && (
                  <div className="faint">
                    <TimeAgo at={one.last_call_at} />
                  </div>
                )}
              </td>
              <td>
                {one.operations.length === 0
                  ? t("change.whole")
                  : one.operations.map((name) => (
                      <div key={name}>
                        <code>{name}</code>
                      </div>
                    ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

/** Changes under each operation they touch, those with the heaviest first; "" for the whole. */
export function byOperation(changes: readonly Change[]): [string, Change[]][] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    for (const operation of change.operations.length > 0 ? change.operations : [""]) {
      const mine = groups.get(operation);
      if (mine) mine.push(change);
      else groups.set(operation, [change]);
    }
  }
  return [...groups];
}

function OperationChanges({ operation, changes }: { operation: string; changes: Change[] }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const name = operation || t("change.whole");
  return (
    <Card title={operation ? <code>{operation}</code> : name} flush>
      <table className="plain-table" aria-label={name}>
        <thead>
          <tr>
            <th scope="col">{t("finding.severity")}</th>
            <th scope="col">{t("change.what")}</th>
            <th scope="col">{t("finding.rule")}</th>
            <th scope="col">{t("finding.where")}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change, i) => {
            const spot = change.new ?? change.old;
            return (
              <tr key={`${change.rule}${change.at}${i}`}>
                <td>
                  <SeverityPill severity={change.severity} />
                </td>
                <td>
                  {said(change.text)} {change.at && <code className="faint">{change.at}</code>}
                </td>
                <td>
                  <code>{change.rule}</code>
                </td>
                <td>{spot && <Place spot={{ ...spot, pointer: "" }} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}
