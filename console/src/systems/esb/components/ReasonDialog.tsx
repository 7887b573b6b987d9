import { Input, Modal } from "antd";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/shared/states";
import { Field } from "@/shared/ui";
import { useAction } from "../api";

/** Longest reason, characters; as the server has it. */
const LONGEST_REASON = 500;

/** A change that asks why before it is made. */
export function ReasonDialog<Out>({
  title,
  done,
  send,
  after,
  close,
  danger = false,
  children,
}: {
  /** Name of the change and of its button. */
  title: string;
  done: string;
  send: (reason: string) => Promise<Out>;
  after?: (out: Out) => void;
  close: () => void;
  danger?: boolean;
  /** What it means. */
  children?: ReactNode;
}) {
  const { t } = useTranslation("esb");
  const [reason, setReason] = useState("");
  const act = useAction(
    () => send(reason.trim()),
    done,
    (out) => {
      close();
      after?.(out);
    },
  );
  return (
    <Modal
      open
      title={title}
      okText={title}
      okButtonProps={{ danger, disabled: reason.trim() === "", loading: act.isPending }}
      onOk={() => act.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack">
        {children}
        <Field id="dialog-reason" label={t("review.reason")}>
          <Input.TextArea
            id="dialog-reason"
            rows={3}
            maxLength={LONGEST_REASON}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        {act.error && <ErrorState error={act.error} />}
      </div>
    </Modal>
  );
}
