import { Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { Project } from "@/api/contract";
import { writes } from "../../api";
import { useAction } from "../../components/useAction";
import { paths } from "../../paths";

/** `KEY=value` per line; blank lines are skipped. Null names the first line that is neither. */
export function parseVariables(text: string): {
  values: Record<string, string>;
  bad: number | null;
} {
  const values: Record<string, string> = {};
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (!match) return { values, bad: index + 1 };
    values[match[1] ?? ""] = match[2] ?? "";
  }
  return { values, bad: null };
}

/** Starts a pipeline on a branch or tag, with variables. */
export function RunPipeline({ project, close }: { project: Project; close: () => void }) {
  const { t } = useTranslation("delivery");
  const navigate = useNavigate();
  const [ref, setRef] = useState(project.default_branch);
  const [text, setText] = useState("");
  const variables = parseVariables(text);
  const run = useAction(
    () => writes.runPipeline(project.id, ref.trim(), variables.values),
    t("pipeline.created"),
    (pipeline) => void navigate(paths.pipeline(pipeline.id)),
  );
  return (
    <Modal
      open
      title={t("project.run")}
      okText={t("project.run")}
      okButtonProps={{
        disabled: ref.trim() === "" || variables.bad !== null,
        loading: run.isPending,
      }}
      onOk={() => run.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        <label htmlFor="run-ref">{t("pipeline.ref")}</label>
        <Input id="run-ref" value={ref} onChange={(event) => setRef(event.target.value)} />
        <label htmlFor="run-variables">{t("project.runVariables")}</label>
        <Input.TextArea
          id="run-variables"
          rows={4}
          className="mono"
          placeholder="KEY=value"
          value={text}
          status={variables.bad === null ? "" : "error"}
          onChange={(event) => setText(event.target.value)}
        />
        {variables.bad !== null && (
          <p role="alert" className="form-error">
            {t("project.badVariable", { line: variables.bad })}
          </p>
        )}
      </div>
    </Modal>
  );
}
