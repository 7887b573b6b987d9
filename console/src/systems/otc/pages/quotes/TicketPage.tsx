import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useFilters } from "@/shared/filter";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton } from "@/shared/ui";
import { reads } from "../../api";
import { paths } from "../../paths";
import { templateKey } from "../../model/draft";
import { QuoteResult } from "./QuoteResult";
import { Ticket } from "./Ticket";

/** Terms on the left, the price of them on the right: one screen from question to trade. */
export default function TicketPage() {
  const { t } = useTranslation("otc");
  const { value, set } = useFilters();
  const templates = useQuery(reads.templates());
  const snapshots = useQuery(reads.snapshots());
  const wanted = value("template");
  const quoteId = value("quote");
  return (
    <>
      <PageHeader
        title={t("quote.new")}
        name={t("quote.new")}
        crumbs={[{ label: t("menu.quotes"), to: paths.quotes }]}
        actions={<LinkButton />}
      />
      <div className="ticket-page">
        <QueryView query={templates}>
          {({ items }) => {
            const template = items.find((one) => templateKey(one) === wanted) ?? bestOf(items);
            if (!template) return <Empty title={t("ticket.noTemplates")} />;
            return (
              <Ticket
                key={templateKey(template)}
                template={template}
                templates={items}
                snapshots={snapshots.data?.items ?? []}
                choose={(name) => set({ template: name, quote: null })}
                quoted={(id) => set({ quote: id })}
              />
            );
          }}
        </QueryView>
        {quoteId ? <QuotedPart id={quoteId} /> : <NotYet />}
      </div>
    </>
  );
}

/** The desk's daily bread first. */
function bestOf<T extends { name: string }>(items: readonly T[]): T | undefined {
  return items.find((one) => one.name === "snowball") ?? items[0];
}

function QuotedPart({ id }: { id: string }) {
  const query = useQuery(reads.quote(id));
  return <QueryView query={query}>{(quote) => <QuoteResult quote={quote} />}</QueryView>;
}

function NotYet() {
  const { t } = useTranslation("otc");
  return (
    <Card>
      <Empty title={t("ticket.notYet")} detail={t("ticket.notYetNext")} />
    </Card>
  );
}
