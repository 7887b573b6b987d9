import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, Route, Routes, useNavigate, useParams } from "react-router";
import type { Tagged } from "@/api/client";
import type { ConfigItem } from "@/api/contract.center";
import { ApiError } from "@/api/problem";
import { TimeAgo } from "@/shared/format";
import { PageHeader, TabBar } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Hash, LinkButton, useDenied } from "@/shared/ui";
import { type CenterKey, changes, readItem } from "../../center";
import { ReasonDialog } from "../../components/ReasonDialog";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";
import { CompareTab } from "./CompareTab";
import { ConfigMarks } from "./ConfigsPage";
import { ContentTab } from "./ContentTab";
import { GreyTab } from "./GreyTab";
import { ItemHistory } from "./ItemHistory";

const TABS = ["content", "grey", "history", "compare"] as const;

/** A configuration item: its content, who gets another one first, and everything it was. */
export default function ConfigPage() {
  const { t } = useTranslation("esb");
  const { namespace = "", group = "", id = "" } = useParams();
  const at: CenterKey = { namespace, group, name: id };
  const query = useQuery(readItem(at));
  if (query.error instanceof ApiError && query.error.status === 404)
    return (
      <>
        <PageHeader
          title={id}
          name={id}
          crumbs={[{ label: t("menu.configs"), to: paths.configs }]}
        />
        <Empty title={t("config.gone")} detail={t("config.goneNext")} />
        <ItemHistory at={at} />
      </>
    );
  return (
    <QueryView query={query}>
      {(item) => <ItemView key={`${namespace}/${group}/${id}`} item={item} at={at} />}
    </QueryView>
  );
}

function ItemView({ item, at }: { item: Tagged<ConfigItem>; at: CenterKey }) {
  const { t } = useTranslation("esb");
  const tabOf = (tab: string): string => paths.config(item.namespace, item.group, item.id, tab);
  const content = <Navigate to={tabOf("content")} replace />;
  return (
    <>
      <PageHeader
        title={item.id}
        name={item.id}
        crumbs={[{ label: t("menu.configs"), to: paths.configs }]}
        badges={(item.secret || item.grey) && <ConfigMarks one={item} />}
        meta={
          <>
            <span>
              {t("center.namespace")} <code>{item.namespace}</code>
            </span>
            <span>
              {t("center.group")} <code>{item.group}</code>
            </span>
            <span>{item.type}</span>
            <span>{t("config.revisionIs", { revision: item.revision })}</span>
            <span>
              {item.updated_by} <TimeAgo at={item.updated_at} />
            </span>
            {item.md5 && <Hash value={item.md5} label={t("config.copyMd5")} />}
          </>
        }
        actions={
          <>
            <ListCommand
              resource={`configs/${[item.namespace, item.group, item.id].map(encodeURIComponent).join("/")}`}
            />
            <LinkButton />
            <Remove item={item} at={at} />
          </>
        }
      />
      <TabBar
        label={item.id}
        tabs={TABS.map((tab) => ({ to: tabOf(tab), label: t(`configTab.${tab}`) }))}
      />
      <Routes>
        <Route index element={content} />
        <Route path="content" element={<ContentTab item={item} at={at} />} />
        <Route path="grey" element={<GreyTab item={item} at={at} />} />
        <Route path="history" element={<ItemHistory item={item} at={at} />} />
        <Route path="compare" element={<CompareTab item={item} at={at} />} />
        <Route path="*" element={content} />
      </Routes>
    </>
  );
}

function Remove({ item, at }: { item: Tagged<ConfigItem>; at: CenterKey }) {
  const { t } = useTranslation("esb");
  const navigate = useNavigate();
  const denied = useDenied()("esb.config.write");
  const [asking, setAsking] = useState(false);
  return (
    <>
      <ActionButton danger icon="close" whyNot={denied} onClick={() => setAsking(true)}>
        {t("config.remove")}
      </ActionButton>
      {asking && (
        <ReasonDialog
          danger
          title={t("config.remove")}
          done={t("config.removed")}
          send={(reason) => changes.removeItem(at, reason, item.etag)}
          after={() => void navigate(paths.configs)}
          close={() => setAsking(false)}
        >
          <p>{t("config.removeNote")}</p>
        </ReasonDialog>
      )}
    </>
  );
}
