import { Input, Select } from "antd";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tagged } from "@/api/client";
import type { ConfigItem } from "@/api/contract.center";
import { useFormat } from "@/shared/format";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Field, Icon, useDenied } from "@/shared/ui";
import { useAction } from "../../api";
import { type CenterKey, changes } from "../../center";
import { ContentEditor } from "../../components/ContentEditor";
import { faultOf } from "../../model/config";
import { CONTENT_TYPES } from "./types";

/** Shows what is sealed only to who may see it, and only once they ask for it. */
export function Sealed({
  secret,
  content,
  children,
}: {
  secret: boolean;
  content: string | null;
  children: (content: string) => ReactNode;
}) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.config.open");
  const [open, setOpen] = useState(!secret);
  if (open && content !== null) return children(content);
  return (
    <div className="stack">
      <p>{t("config.sealedNote")}</p>
      <div className="row">
        <ActionButton
          icon="token"
          whyNot={content === null ? (denied ?? t("config.notTold")) : null}
          onClick={() => setOpen(true)}
        >
          {t("config.open")}
        </ActionButton>
      </div>
    </div>
  );
}

interface Props {
  item: Tagged<ConfigItem>;
  at: CenterKey;
}

/** What everybody gets, and the form that changes it. */
export function ContentTab({ item, at }: Props) {
  const { t } = useTranslation("esb");
  return (
    <Card title={t("config.content")}>
      <Sealed secret={item.secret} content={item.content}>
        {(content) => <Edit item={item} at={at} content={content} />}
      </Sealed>
    </Card>
  );
}

/** What is being written, and what it was written upon. */
interface Draft {
  type: string;
  content: string;
  secret: boolean;
  reason: string;
  etag: string | null;
}

function Edit({ item, at, content }: Props & { content: string }) {
  const { t } = useTranslation("esb");
  const { lang } = useFormat();
  const denied = useDenied()("esb.config.write");
  const [written, setDraft] = useState<Draft | null>(null);
  const draft = written ?? {
    type: item.type,
    content,
    secret: item.secret,
    reason: "",
    etag: item.etag,
  };
  const write = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const save = useAction(
    ({ etag, ...body }: Draft) =>
      changes.changeItem(at, { ...body, reason: body.reason.trim() }, etag),
    t("config.changed"),
    () => setDraft(null),
  );
  const fault = faultOf(save.error, lang);
  const isSame =
    draft.content === content && draft.type === item.type && draft.secret === item.secret;
  const isOld = written !== null && written.etag !== item.etag;
  const whyNot =
    denied ??
    (isOld ? t("config.changedMeanwhile") : null) ??
    (isSame ? t("config.same") : null) ??
    (draft.reason.trim() === "" ? t("review.needsReason") : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) save.mutate(draft);
  };
  return (
    <form className="stack" onSubmit={submit}>
      {isOld && (
        <div className="notice tone-warn" role="alert">
          <Icon name="warning" size={16} />
          <span className="grow">
            {t("config.meanwhile", { who: item.updated_by, revision: item.revision })}
          </span>
          <ActionButton small onClick={() => write({ etag: item.etag })}>
            {t("config.upon")}
          </ActionButton>
          <ActionButton small onClick={() => setDraft(null)}>
            {t("config.drop")}
          </ActionButton>
        </div>
      )}
      <ContentEditor
        id="item-content"
        label={t("config.content")}
        value={draft.content}
        fault={fault}
        whyNot={denied}
        change={(text) => write({ content: text })}
      />
      <div className="form-grid">
        <Field id="item-type" label={t("config.type")}>
          <Select
            id="item-type"
            aria-label={t("config.type")}
            value={draft.type}
            disabled={denied !== null}
            onChange={(type: string) => write({ type })}
            options={CONTENT_TYPES}
          />
        </Field>
        <Field id="item-reason" label={t("review.reason")}>
          <Input
            id="item-reason"
            value={draft.reason}
            maxLength={500}
            disabled={denied !== null}
            onChange={(event) => write({ reason: event.target.value })}
          />
        </Field>
      </div>
      {!item.secret && (
        <label className="row">
          <input
            type="checkbox"
            checked={draft.secret}
            disabled={denied !== null}
            onChange={(event) => write({ secret: event.target.checked })}
          />
          <span>{t("config.makeSecret")}</span>
        </label>
      )}
      {save.error && !fault && <ErrorState error={save.error} />}
      <div className="row">
        <ActionButton primary icon="check" busy={save.isPending} whyNot={whyNot}>
          {t("config.save")}
        </ActionButton>
      </div>
    </form>
  );
}
