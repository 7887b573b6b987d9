import { Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { Project } from "@/api/contract";
import { writes } from "../../api";
import { useAction } from "../../components/useAction";
import { paths } from "../../paths";
import { parseVariables } from "./parseVariables";

/** The form of a line: the same in every language. */
const EXAMPLE = "KEY=value";

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
          placeholder={EXAMPLE}
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
