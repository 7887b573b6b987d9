import { App, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Fixing } from "@/api/contract.otc";
import { ApiError } from "@/api/problem";
import { ErrorState } from "@/shared/states";
import { Facts } from "@/shared/ui";
import { useAction, writes } from "../../api";

const DECIMAL = /^\d+(\.\d+)?$/;

/** Another price in the place of a published one; a second person decides before it counts. */
export function CorrectFixing({ fixing, close }: { fixing: Fixing; close: () => void }) {
  const { t } = useTranslation("otc");
  const { message } = App.useApp();
  const [value, setValue] = useState(fixing.value);
  const [reason, setReason] = useState("");
  const send = useAction(
    () =>
      writes.fix(
        [
          {
            underlying: fixing.underlying,
            date: fixing.date,
            value: value.trim(),
            source: "manual",
          },
        ],
        reason.trim(),
      ),
    null,
    () => {
      message.info(t("event.waits"), 6);
      close();
    },
  );
  const bad = !DECIMAL.test(value.trim());
  const same = value.trim() === fixing.value;
  return (
    <Modal
      open
      title={t("fixing.correct")}
      okText={t("fixing.correct")}
      okButtonProps={{ disabled: bad || same || reason.trim() === "", loading: send.isPending }}
      onOk={() => send.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        <Facts
          items={[
            [t("trade.underlying"), fixing.underlying],
            [t("fixing.date"), fixing.date],
            [t("fixing.before"), fixing.value],
          ]}
        />
        <label htmlFor="fixing-value">{t("fixing.after")}</label>
        <Input
          id="fixing-value"
          inputMode="decimal"
          value={value}
          status={bad ? "error" : ""}
          onChange={(event) => setValue(event.target.value)}
        />
        {bad && <p className="form-error">{t("event.bad.decimal")}</p>}
        <label htmlFor="fixing-reason">{t("event.reason")}</label>
        <Input.TextArea
          id="fixing-reason"
          rows={2}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        {send.error instanceof ApiError && <ErrorState error={send.error} />}
      </div>
    </Modal>
  );
}
