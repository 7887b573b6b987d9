import { useQuery } from "@tanstack/react-query";
import { Checkbox, Input, Modal, Popconfirm } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Variable } from "@/api/contract";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, Icon, Tag, useDenied } from "@/shared/ui";
import { reads, writes } from "../../api";
import { useAction } from "../../components/useAction";

const FRESH: Variable = {
  key: "",
  value: "",
  masked: false,
  protected: false,
  file: false,
  environment_scope: "*",
};

/** Variables of the project; who may not change them may not read them either. */
export default function VariablesTab({ projectId }: { projectId: string }) {
  const { t } = useTranslation("delivery");
  const denied = useDenied()("delivery.variable.manage");
  if (denied === null) return <Variables projectId={projectId} />;
  return (
    <Card title={t("project.variables")}>
      <Empty title={t("variable.closed")} detail={denied} />
    </Card>
  );
}

/** Masked values are never sent back by the server. */
function Variables({ projectId }: { projectId: string }) {
  const { t } = useTranslation("delivery");
  const query = useQuery(reads.variables(projectId));
  const [edited, setEdited] = useState<Variable | null>(null);
  const drop = useAction(
    (v: Variable) => writes.deleteVariable(projectId, v.key, v.environment_scope),
    t("variable.deleted"),
  );
  const columns: Column<Variable>[] = [
    {
      key: "key",
      title: t("variable.key"),
      width: "minmax(180px, 1fr)",
      cell: (v) => <code>{v.key}</code>,
      value: (v) => v.key,
      sortable: true,
    },
    {
      key: "value",
      title: t("variable.value"),
      width: "minmax(200px, 1.6fr)",
      cell: (v) =>
        v.value === null ? (
          <span className="faint">{t("variable.hidden")}</span>
        ) : (
          <code className="ellipsis">{v.value}</code>
        ),
    },
    {
      key: "flags",
      title: t("variable.flags"),
      width: "minmax(160px, 0.9fr)",
      cell: (v) => (
        <span className="chips">
          {v.masked && <Tag>{t("variable.masked")}</Tag>}
          {v.protected && <Tag>{t("variable.protected")}</Tag>}
          {v.file && <Tag>{t("variable.file")}</Tag>}
        </span>
      ),
    },
    {
      key: "scope",
      title: t("variable.scope"),
      width: "110px",
      cell: (v) => <code>{v.environment_scope}</code>,
      value: (v) => v.environment_scope,
    },
    {
      key: "actions",
      title: t("grid.actions"),
      hiddenTitle: true,
      width: "70px",
      cell: (v) => (
        <span className="row">
          <button
            type="button"
            className="icon-button"
            aria-label={t("variable.edit", { key: v.key })}
            onClick={() => setEdited({ ...v, value: v.value ?? "" })}
          >
            <Icon name="settings" />
          </button>
          <Popconfirm
            title={t("variable.deleteAsk", { key: v.key })}
            okText={t("action.delete")}
            onConfirm={() => drop.mutate(v)}
          >
            <button
              type="button"
              className="icon-button"
              aria-label={t("variable.delete", { key: v.key })}
            >
              <Icon name="close" />
            </button>
          </Popconfirm>
        </span>
      ),
    },
  ];
  return (
    <Card
      flush
      title={t("project.variables")}
      extra={
        <ActionButton small icon="plus" onClick={() => setEdited(FRESH)}>
          {t("variable.add")}
        </ActionButton>
      }
    >
      <QueryView query={query}>
        {({ items }) => (
          <DataGrid
            label={t("project.variables")}
            rows={items}
            columns={columns}
            rowKey={(v) => `${v.key}@${v.environment_scope}`}
            onOpen={(v) => setEdited({ ...v, value: v.value ?? "" })}
            empty={<Empty title={t("variable.none")} detail={t("variable.noneNext")} />}
          />
        )}
      </QueryView>
      {edited && (
        <VariableForm projectId={projectId} start={edited} close={() => setEdited(null)} />
      )}
    </Card>
  );
}

function VariableForm({
  projectId,
  start,
  close,
}: {
  projectId: string;
  start: Variable;
  close: () => void;
}) {
  const { t } = useTranslation("delivery");
  const [value, setValue] = useState(start);
  const isNew = start.key === "";
  const save = useAction(() => writes.putVariable(projectId, value), t("variable.saved"), close);
  const set = (change: Partial<Variable>) => setValue((old) => ({ ...old, ...change }));
  const badKey = !/^[A-Za-z_][A-Za-z0-9_]*$/.test(value.key);
  // The masking rule: at least eight characters, one line, no white space.
  const badMask = value.masked && !/^\S{8,}$/.test(value.value ?? "");
  return (
    <Modal
      open
      title={isNew ? t("variable.add") : t("variable.edit", { key: start.key })}
      okText={t("action.save")}
      okButtonProps={{ disabled: badKey || badMask, loading: save.isPending }}
      onOk={() => save.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        <label htmlFor="variable-key">{t("variable.key")}</label>
        <Input
          id="variable-key"
          className="mono"
          disabled={!isNew}
          value={value.key}
          onChange={(event) => set({ key: event.target.value })}
        />
        {badKey && value.key !== "" && <p className="form-error">{t("variable.badKey")}</p>}
        <label htmlFor="variable-value">{t("variable.value")}</label>
        <Input.TextArea
          id="variable-value"
          className="mono"
          rows={3}
          value={value.value ?? ""}
          onChange={(event) => set({ value: event.target.value })}
        />
        {badMask && <p className="form-error">{t("variable.badMask")}</p>}
        <label htmlFor="variable-scope">{t("variable.scope")}</label>
        <Input
          id="variable-scope"
          className="mono"
          value={value.environment_scope}
          onChange={(event) => set({ environment_scope: event.target.value })}
        />
        <Checkbox
          checked={value.masked}
          onChange={(event) => set({ masked: event.target.checked })}
        >
          {t("variable.maskedLong")}
        </Checkbox>
        <Checkbox
          checked={value.protected}
          onChange={(event) => set({ protected: event.target.checked })}
        >
          {t("variable.protectedLong")}
        </Checkbox>
        <Checkbox checked={value.file} onChange={(event) => set({ file: event.target.checked })}>
          {t("variable.fileLong")}
        </Checkbox>
      </div>
    </Modal>
  );
}
