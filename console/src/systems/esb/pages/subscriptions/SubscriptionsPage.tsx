import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useFilters } from "@/shared/filter";
import { PageHeader } from "@/shared/record";
import { ActionButton, LinkButton, useDenied, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { SubscriptionGrid } from "../../components/SubscriptionGrid";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

const STATES = [
  "requested",
  "provider_approved",
  "manager_approved",
  "active",
  "throttled",
  "suspended",
  "expiring",
  "expired",
  "revoked",
  "rejected",
  "withdrawn",
];

/** Who may call what, who asked to, and whose turn it is. */
export default function SubscriptionsPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const navigate = useNavigate();
  const denied = useDenied();
  const applications = useQuery(reads.applications());
  const { value, set } = useFilters();
  const filter = {
    state: value("state"),
    application: value("application"),
    interface: value("interface"),
  };
  return (
    <>
      <PageHeader
        title={t("menu.subscriptions")}
        name={t("menu.subscriptions")}
        actions={
          <>
            <ListCommand resource="subscriptions" query={filter} />
            <LinkButton />
            <ActionButton
              primary
              icon="plus"
              whyNot={denied("esb.subscription.request")}
              onClick={() => void navigate(paths.subscribe())}
            >
              {t("subscription.ask")}
            </ActionButton>
          </>
        }
      />
      <div className="filters">
        <Select
          aria-label={t("interface.state")}
          placeholder={t("interface.state")}
          allowClear
          style={{ width: 180 }}
          value={filter.state ?? null}
          onChange={(state) => set({ state })}
          options={STATES.map((one) => ({ value: one, label: word("subscriptionState", one) }))}
        />
        <Select
          aria-label={t("application.one")}
          placeholder={t("application.one")}
          allowClear
          style={{ width: 180 }}
          value={filter.application ?? null}
          onChange={(application) => set({ application })}
          options={(applications.data?.items ?? []).map((one) => ({
            value: one.code,
            label: one.name,
          }))}
        />
        <Input
          aria-label={t("interface.code")}
          placeholder={t("interface.code")}
          allowClear
          defaultValue={filter.interface ?? ""}
          onPressEnter={(event) => set({ interface: event.currentTarget.value.trim() })}
          onClear={() => set({ interface: null })}
        />
      </div>
      <SubscriptionGrid filter={filter} />
    </>
  );
}
