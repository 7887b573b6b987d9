import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { DateTime } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { QueryView } from "@/shared/states";
import { Card, Icon, JsonBlock, LinkButton, StatusPill, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { paths } from "../../paths";
import { QuoteResult } from "./QuoteResult";
import { templateOf } from "./QuotesPage";

export default function QuotePage() {
  const { id = "" } = useParams();
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const query = useQuery(reads.quote(id));
  useTopics(["list:otc-quotes"], [["quote", id]]);
  return (
    <QueryView query={query}>
      {(quote) => {
        const name = `#${quote.no} ${word("template", templateOf(quote))}`;
        return (
          <>
            <PageHeader
              title={name}
              name={name}
              crumbs={[{ label: t("menu.quotes"), to: paths.quotes }]}
              badges={<StatusPill state={quote.status} label={word("quoteStatus", quote.status)} />}
              meta={
                <>
                  <span>
                    <Icon name="user" />
                    {quote.counterparty}
                  </span>
                  <span>{word("side", quote.side)}</span>
                  <span>{quote.created_by}</span>
                  <span>
                    <DateTime at={quote.created_at} />
                  </span>
                </>
              }
              actions={<LinkButton />}
            />
            <div className="two-columns even">
              <QuoteResult quote={quote} />
              <Card title={t("trade.sheet")}>
                <JsonBlock value={quote.terms} label={t("trade.sheet")} />
              </Card>
            </div>
          </>
        );
      }}
    </QueryView>
  );
}
