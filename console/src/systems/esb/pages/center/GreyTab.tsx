import { Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tagged } from "@/api/client";
import type { ConfigItem, Grey } from "@/api/contract.center";
import { useFormat } from "@/shared/format";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Facts, Field, Tag, useDenied } from "@/shared/ui";
import { useAction } from "../../api";
import { type CenterKey, changes } from "../../center";
import { Comparison } from "../../components/Comparison";
import { ContentEditor } from "../../components/ContentEditor";
import { ReasonDialog } from "../../components/ReasonDialog";
import { addressesOf, faultOf, labelsOf, writtenLabels } from "../../model/config";
import { Sealed } from "./ContentTab";

interface Props {
  item: Tagged<ConfigItem>;
  at: CenterKey;
}

/** A content that some clients get first: begun, seen beside the other, and ended. */
export function GreyTab({ item, at }: Props) {
  return item.release ? (
    <Running item={item} at={at} release={item.release} />
  ) : (
    <Begin item={item} at={at} />
  );
}

function Begin({ item, at }: Props) {
  const { t } = useTranslation("esb");
  return (
    <Card title={t("grey.begin")}>
      <Sealed secret={item.secret} content={item.content}>
        {(content) => <BeginForm item={item} at={at} content={content} />}
      </Sealed>
    </Card>
  );
}

function BeginForm({ item, at, content }: Props & { content: string }) {
  const { t } = useTranslation("esb");
  const { lang } = useFormat();
  const denied = useDenied()("esb.config.write");
  const [text, setText] = useState({ addresses: "", labels: "", content, reason: "" });
  const write = (part: Partial<typeof text>) => setText({ ...text, ...part });
  const addresses = addressesOf(text.addresses);
  const { labels, wrong } = labelsOf(text.labels);
  const start = useAction(
    () =>
      changes.startGrey(
        at,
        { addresses, labels, content: text.content, reason: text.reason.trim() },
        item.etag,
      ),
    t("grey.begun"),
  );
  const fault = faultOf(start.error, lang);
  const nobody = addresses.length === 0 && Object.keys(labels).length === 0;
  const whyNot =
    denied ??
    (wrong.length > 0 ? t("grey.wrongLabel", { line: wrong[0] ?? "" }) : null) ??
    (nobody ? t("grey.nobody") : null) ??
    (text.content === content ? t("config.same") : null) ??
    (text.reason.trim() === "" ? t("review.needsReason") : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) start.mutate(undefined);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <div className="two-columns even">
        <Field id="grey-addresses" label={t("grey.addresses")} note={t("grey.addressesNote")}>
          <Input.TextArea
            id="grey-addresses"
            rows={3}
            value={text.addresses}
            onChange={(event) => write({ addresses: event.target.value })}
          />
        </Field>
        <Field id="grey-labels" label={t("grey.labels")} note={t("grey.labelsNote")}>
          <Input.TextArea
            id="grey-labels"
            rows={3}
            value={text.labels}
            onChange={(event) => write({ labels: event.target.value })}
          />
        </Field>
      </div>
      <ContentEditor
        id="grey-content"
        label={t("grey.content")}
        value={text.content}
        fault={fault}
        whyNot={denied}
        change={(next) => write({ content: next })}
      />
      <Field id="grey-reason" label={t("review.reason")}>
        <Input
          id="grey-reason"
          value={text.reason}
          maxLength={500}
          onChange={(event) => write({ reason: event.target.value })}
        />
      </Field>
      {start.error && !fault && <ErrorState error={start.error} />}
      <div className="row">
        <ActionButton primary icon="play" busy={start.isPending} whyNot={whyNot}>
          {t("grey.begin")}
        </ActionButton>
      </div>
    </form>
  );
}

function Running({ item, at, release }: Props & { release: Grey }) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.config.write");
  const [ending, setEnding] = useState<"release" | "drop" | null>(null);
  const labels = writtenLabels(release.labels);
  const chips = (all: string[]) =>
    all.length === 0 ? (
      "–"
    ) : (
      <span className="chips">
        {all.map((one) => (
          <Tag key={one}>{one}</Tag>
        ))}
      </span>
    );
  return (
    <Card
      title={t("grey.running")}
      extra={
        <>
          <ActionButton primary icon="check" whyNot={denied} onClick={() => setEnding("release")}>
            {t("grey.release")}
          </ActionButton>
          <ActionButton danger icon="back" whyNot={denied} onClick={() => setEnding("drop")}>
            {t("grey.drop")}
          </ActionButton>
        </>
      }
    >
      <div className="stack">
        <Facts
          items={[
            [t("grey.addresses"), chips(release.addresses)],
            [t("grey.labels"), chips(labels)],
          ]}
        />
        <Sealed secret={item.secret} content={release.content}>
          {(content) => (
            <Comparison label={t("grey.difference")} old={item.content ?? ""} now={content} />
          )}
        </Sealed>
      </div>
      {ending && (
        <ReasonDialog
          danger={ending === "drop"}
          title={ending === "release" ? t("grey.release") : t("grey.drop")}
          done={ending === "release" ? t("grey.released") : t("grey.dropped")}
          send={(reason) => changes.endGrey(at, ending === "release", reason, item.etag)}
          close={() => setEnding(null)}
        >
          <p>{ending === "release" ? t("grey.releaseNote") : t("grey.dropNote")}</p>
        </ReasonDialog>
      )}
    </Card>
  );
}
