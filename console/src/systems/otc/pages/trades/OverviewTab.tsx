import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Chance, Trade } from "@/api/contract.otc";
import { dateOf, dayOf, monthTicks, Plot } from "@/shared/chart";
import { useFormat } from "@/shared/format";
import { QueryView } from "@/shared/states";
import { Card, Facts, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { Bar, Prose, useLocal } from "../../components/words";
import { levelMarks, observedMark, pathSeries, payoffSeries } from "../../model/plots";

/** The contract at a glance: payoff, path, what it remembers, what may come. */
export function OverviewTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  return (
    <>
      <div className="two-columns even">
        <Card title={t("plot.payoff")}>
          <PayoffPlot trade={trade} />
        </Card>
        <Card title={t("plot.path")}>
          <PathPlot trade={trade} />
        </Card>
      </div>
      <div className="two-columns even">
        <div className="stack">
          <Card title={t("trade.words")}>
            <Prose lines={local.lines(trade.words)} />
          </Card>
          <Card title={t("trade.remembers")}>
            <Remembered trade={trade} />
          </Card>
        </div>
        <Card title={t("trade.chances")}>
          <Chances trade={trade} />
        </Card>
      </div>
    </>
  );
}

function PayoffPlot({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const query = useQuery(reads.payoff(trade.id));
  return (
    <QueryView query={query} rows={5}>
      {(payoff) =>
        payoff.axis.length === 0 ? (
          <p className="soft">{t("plot.payoffOver")}</p>
        ) : (
          <Plot
            label={t("plot.payoffOf", { no: trade.id })}
            series={payoffSeries(payoff, {
              payoff: t("plot.atEnd"),
              knockedIn: t("plot.knockedIn"),
              now: t("plot.now"),
            })}
            marks={levelMarks(
              payoff.levels,
              (kind, level) => `${word("level", kind)} ${format.number(level, 2)}`,
            )}
            formatX={(x) => format.number(x, x < 100 ? 2 : 0)}
            formatY={format.short}
            labelX={trade.underlying}
            labelY={trade.currency}
            height={290}
          />
        )
      }
    </QueryView>
  );
}

function PathPlot({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const query = useQuery(reads.path(trade.id));
  return (
    <QueryView query={query} rows={5}>
      {(path) => (
        <Plot
          label={t("plot.pathOf", { no: trade.id })}
          series={pathSeries(path, {
            fixings: path.underlying,
            kind: (kind) => word("level", kind),
            hit: (kind) => t("plot.hit", { kind: word("level", kind) }),
          })}
          marks={observedMark(path, t("plot.observed"))}
          ticksX={monthTicks}
          formatX={dateOf}
          formatY={(y) => format.number(y, y < 100 ? 2 : 0)}
          labelX=""
          labelY={t("plot.level")}
          height={290}
        />
      )}
    </QueryView>
  );
}

function Remembered({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const { state } = trade;
  const items: [string, string][] = Object.entries(state.values).map(([name, value]) => [
    word("variable", name),
    value,
  ]);
  if (state.ki_date) items.push([t("trade.kiDate"), state.ki_date]);
  if (state.outcome) items.push([word("outcome", state.outcome), state.outcome_date ?? "–"]);
  if (state.replacement) items.push([t("trade.replacement"), state.replacement]);
  if (items.length === 0) return <p className="faint">{t("trade.remembersNothing")}</p>;
  return <Facts items={items} />;
}

/** Probabilities under the risk-neutral measure, the next dates first. */
function Chances({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const isOver = trade.state.outcome !== null || trade.status === "cancelled";
  const query = useQuery({ ...reads.chances(trade.id), enabled: !isOver });
  // What has ended has nothing to come, whatever its sheet says.
  if (isOver) return <p className="faint">{t("trade.noChances")}</p>;
  return (
    <QueryView query={query} rows={4}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="faint">{t("trade.noChances")}</p>
        ) : (
          <>
            {items.length > 8 && <ChancePlot items={items} label={t("trade.chances")} />}
            <ul className="chance-list">
              {items.slice(0, 14).map((chance) => (
                <li key={`${chance.date}${chance.kind}`}>
                  <span className="nums">{chance.date}</span>
                  <span>{word("level", chance.kind)}</span>
                  <span className="nums soft">
                    {chance.level === null ? "" : format.number(chance.level, 2)}
                  </span>
                  <Bar share={chance.probability} text={format.percent(chance.probability, 1)} />
                </li>
              ))}
            </ul>
          </>
        )
      }
    </QueryView>
  );
}

function ChancePlot({ items, label }: { items: Chance[]; label: string }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const kinds = [...new Set(items.map((c) => c.kind))];
  return (
    <Plot
      label={label}
      series={kinds.map((kind, i) => ({
        key: kind,
        label: word("level", kind),
        ink: ((i % 6) + 1) as 1 | 2 | 3 | 4 | 5 | 6,
        ...(i === 0 ? {} : { dash: "long" as const }),
        points: items
          .filter((c) => c.kind === kind && dayOf(c.date) !== null)
          .map((c) => [dayOf(c.date) ?? 0, c.probability] as const),
      }))}
      ticksX={monthTicks}
      formatX={dateOf}
      formatY={(y) => format.percent(y, 1)}
      labelX=""
      labelY={t("plot.probability")}
      height={180}
    />
  );
}
