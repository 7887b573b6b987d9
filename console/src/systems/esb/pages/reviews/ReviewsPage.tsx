import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Review } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { TimeAgo, useFormat, useSaid } from "@/shared/format";
import { DecisionForm, PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, Facts, LinkButton, StatusIcon, useDenied } from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { CompatPill, ListCommand, UnmetList } from "../../components/words";
import { paths } from "../../paths";
import { WaiveDialog } from "../interface/Steps";

/** Versions before the reviewers, those that wait longest first. */
export default function ReviewsPage() {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.reviews());
  useTopics(["list:esb-interfaces"], [["reviews"]]);
  return (
    <>
      <PageHeader
        title={t("menu.reviews")}
        name={t("menu.reviews")}
        actions={
          <>
            <ListCommand resource="reviews" />
            <LinkButton />
          </>
        }
      />
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Card>
              <Empty title={t("review.none")} detail={t("review.noneNext")} />
            </Card>
          ) : (
            <ul className="stack">
              {items.map((review) => (
                <li key={review.version.id}>
                  <ReviewCard review={review} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </>
  );
}

function ReviewCard({ review }: { review: Review }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const denied = useDenied()("esb.version.review");
  const [waiving, setWaiving] = useState<string | null>(null);
  const { version, unmet } = review;
  const { definition } = version;
  const name = `${version.interface} ${version.number}`;
  const tabOf = (tab: string): string => paths.interface(version.interface, tab, version.number);
  return (
    <article aria-label={name}>
      <Card
        title={
          <span className="row">
            <StatusIcon state="in_review" />
            <Link to={tabOf("overview")}>{name}</Link>
          </span>
        }
        extra={
          <span className="faint">
            {version.submitted_by} · <TimeAgo at={version.submitted_at} />
          </span>
        }
      >
        <div className="decision-body">
          <div className="stack">
            <Facts
              items={[
                [
                  t("version.compat"),
                  <Link key="compat" to={tabOf("changes")}>
                    <CompatPill verdict={version.compat} />
                  </Link>,
                ],
                [
                  t("tab.operations"),
                  <Link key="operations" to={tabOf("operations")}>
                    {format.integer(definition?.operations)}
                  </Link>,
                ],
                [
                  t("tab.findings"),
                  <Link key="findings" to={tabOf("findings")}>
                    {t("definition.findings", {
                      errors: definition?.errors ?? 0,
                      warnings: definition?.warnings ?? 0,
                    })}
                  </Link>,
                ],
                [t("definition.level"), format.integer(definition?.highest_level)],
                [
                  t("sla.title"),
                  version.sla
                    ? t("sla.line", {
                        latency: version.sla.latency_p99_ms,
                        availability: version.sla.availability_percent,
                        peak: version.sla.peak_per_second,
                      })
                    : "–",
                ],
                [t("version.agreedBy"), version.security_agreed_by ?? "–"],
              ]}
            />
            <UnmetList
              unmet={unmet}
              label={t("review.against")}
              pageOf={tabOf}
              waive={denied === null ? setWaiving : undefined}
            />
          </div>
          <Decide review={review} />
        </div>
      </Card>
      {waiving !== null && (
        <WaiveDialog version={version} guard={waiving} close={() => setWaiving(null)} />
      )}
    </article>
  );
}

/** The second pair of eyes: yes, no with a reason, or the agreement of a security administrator. */
function Decide({ review: { version, unmet } }: { review: Review }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const { user } = useSession();
  const denied = useDenied()("esb.version.review");
  const approve = useAction(
    (reason: string) => writes.transition(version, { event: "approve", reason }),
    t("review.approved"),
  );
  const refuse = useAction(
    (reason: string) => writes.transition(version, { event: "refuse", reason }),
    t("review.refused"),
  );
  const agree = useAction(() => writes.agree(version), t("review.agreed"));
  const isSecurity = user.roles.includes("security");
  const against = unmet.map((one) => said(one.text)).join(" ") || null;
  return (
    <DecisionForm
      id={`review-${version.id}`}
      label={t("review.reason")}
      whyNot={denied}
      yes={{
        label: t("review.approve"),
        busy: approve.isPending,
        whyNot: () => against,
        give: approve.mutate,
      }}
      no={{
        label: t("review.refuse"),
        busy: refuse.isPending,
        whyNot: (reason) => (reason === "" ? t("review.needsReason") : null),
        give: refuse.mutate,
      }}
    >
      {isSecurity && version.security_agreed_by === null && (
        <ActionButton
          icon="evidence"
          busy={agree.isPending}
          onClick={() => agree.mutate(undefined)}
        >
          {t("review.agree")}
        </ActionButton>
      )}
    </DecisionForm>
  );
}
