import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Media, Operation, OperationLine, Version } from "@/api/contract.esb";
import { useFilters } from "@/shared/filter";
import { Empty, QueryView } from "@/shared/states";
import { Card, JsonBlock, Tag, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { Place } from "../../components/words";
import { boundsOf, labelOf, typeOf } from "../../model/schema";
import { CodeSamples } from "./CodeSamples";
import { TryIt } from "./TryIt";
import { FieldTable } from "./FieldTable";
import { PartsList } from "./PartsList";

/** Operations of a version: the list, and the documentation of the one that is read. */
export function OperationsTab({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const { value, set } = useFilters();
  if (!version.definition) return <NoDefinition />;
  const chosen = Number(value("operation") ?? 0);
  return (
    <PartsList<OperationLine>
      version={version.id}
      resource="operations"
      label={t("tab.operations")}
      isChosen={(one, first) => one.no === chosen || (chosen === 0 && first)}
      choose={(one) => set({ operation: String(one.no) })}
      line={(one) => (
        <span className="two-lines">
          <span className="row">
            <Method name={one.method} />
            <code className="grow">{one.path}</code>
            {one.deprecated && <Tag tone="warn">{t("operation.deprecated")}</Tag>}
          </span>
          <span className="faint">{one.summary || one.id}</span>
        </span>
      )}
    >
      {(first) => {
        const no = chosen || first?.no;
        return no === undefined ? null : <OneOperation version={version.id} no={no} />;
      }}
    </PartsList>
  );
}

export function NoDefinition() {
  const { t } = useTranslation("esb");
  return (
    <Card>
      <Empty title={t("definition.none")} detail={t("definition.noneNext")} />
    </Card>
  );
}

const Method = ({ name }: { name: string }) => <code className="method">{name.toUpperCase()}</code>;

function OneOperation({ version, no }: { version: string; no: number }) {
  const query = useQuery(reads.operation(version, no));
  return (
    <QueryView query={query}>
      {(one) => <OperationView key={one.no} version={version} one={one} />}
    </QueryView>
  );
}

function OperationView({ version, one }: { version: string; one: Operation }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  return (
    <article className="stack" aria-label={one.id ?? one.path}>
      <Card
        title={
          <span className="row wrap">
            <Method name={one.method} />
            <code>{one.path}</code>
          </span>
        }
        extra={<Place spot={{ ...one.spot, pointer: "" }} />}
      >
        <div className="stack tight">
          {one.summary && <b>{one.summary}</b>}
          {one.description && <p className="prose-text">{one.description}</p>}
          <span className="chips">
            {one.id && <Tag>{one.id}</Tag>}
            {one.deprecated && <Tag tone="warn">{t("operation.deprecated")}</Tag>}
            {one.sunset && <Tag tone="warn">{t("operation.sunset", { day: one.sunset })}</Tag>}
            <Tag>{word("idempotency", one.idempotency)}</Tag>
            {one.tags.map((tag) => (
              <Tag key={tag}>{tag}</Tag>
            ))}
          </span>
          <p>
            <span className="faint">{t("operation.security")} </span>
            {one.security.length === 0
              ? t("operation.open")
              : one.security
                  .map((way) => Object.keys(way).join(" + ") || t("operation.open"))
                  .join(" | ")}
          </p>
        </div>
      </Card>
      {one.parameters.length > 0 && <Parameters one={one} />}
      {one.body && (
        <Card
          title={
            <span className="row">
              {t("operation.body")}
              {one.body.required && <Tag tone="warn">{t("field.required")}</Tag>}
            </span>
          }
        >
          <div className="stack">
            {one.body.description && <p>{one.body.description}</p>}
            <MediaList version={version} media={one.body.media} label={t("operation.body")} />
          </div>
        </Card>
      )}
      {one.outcomes.map((outcome) => (
        <Card
          key={outcome.status}
          title={
            <span className="row">
              <code>{outcome.status}</code> {outcome.description}
            </span>
          }
        >
          <div className="stack">
            {outcome.headers.length > 0 && (
              <p>
                <span className="faint">{t("operation.headers")} </span>
                {outcome.headers.map((header) => header.name).join(", ")}
              </p>
            )}
            {outcome.media.length === 0 ? (
              <p className="faint">{t("operation.noBody")}</p>
            ) : (
              <MediaList
                version={version}
                media={outcome.media}
                label={t("operation.answer", { status: outcome.status })}
              />
            )}
          </div>
        </Card>
      ))}
      {one.errors.length > 0 && <ErrorCodes one={one} />}
      <TryIt version={version} no={one.no} />
      <CodeSamples version={version} no={one.no} />
    </article>
  );
}

function Parameters({ one }: { one: Operation }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  return (
    <Card title={t("operation.parameters")} flush>
      <div className="scroll-x">
        <table className="plain-table field-table" aria-label={t("operation.parameters")}>
          <thead>
            <tr>
              <th scope="col">{t("field.name")}</th>
              <th scope="col">{t("field.place")}</th>
              <th scope="col">{t("field.type")}</th>
              <th scope="col">{t("field.bounds")}</th>
              <th scope="col">{t("field.label")}</th>
              <th scope="col">{t("field.words")}</th>
            </tr>
          </thead>
          <tbody>
            {one.parameters.map((parameter) => {
              const label = labelOf(parameter.schema);
              return (
                <tr key={`${parameter.place}${parameter.name}`}>
                  <th scope="row">
                    <span className="row">
                      <code>{parameter.name}</code>
                      {parameter.required && <Tag tone="warn">{t("field.required")}</Tag>}
                    </span>
                  </th>
                  <td>{word("place", parameter.place)}</td>
                  <td>
                    <code>{typeOf(parameter.schema)}</code>
                  </td>
                  <td>
                    <span className="chips">
                      {boundsOf(parameter.schema).map((bound) => (
                        <code key={bound}>{bound}</code>
                      ))}
                    </span>
                  </td>
                  <td>{label && <Tag tone={label === "none" ? "idle" : "warn"}>{label}</Tag>}</td>
                  <td>{parameter.description}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function MediaList({ version, media, label }: { version: string; media: Media[]; label: string }) {
  const { t } = useTranslation("esb");
  return media.map((one) => (
    <section key={one.name} className="stack tight">
      <p>
        <code>{one.name}</code>
      </p>
      <FieldTable version={version} schema={one.schema} label={`${label} ${one.name}`} />
      {Object.entries(one.examples).map(([name, example]) => (
        <details key={name} className="example">
          <summary>{t("operation.example", { name })}</summary>
          <JsonBlock value={example} label={t("operation.example", { name })} />
        </details>
      ))}
    </section>
  ));
}

function ErrorCodes({ one }: { one: Operation }) {
  const { t } = useTranslation("esb");
  return (
    <Card title={t("operation.errors")} flush>
      <table className="plain-table" aria-label={t("operation.errors")}>
        <thead>
          <tr>
            <th scope="col">{t("operation.errorCode")}</th>
            <th scope="col">{t("operation.status")}</th>
            <th scope="col">{t("operation.meaning")}</th>
          </tr>
        </thead>
        <tbody>
          {one.errors.map((error) => (
            <tr key={error.code}>
              <td>
                <code>{error.code}</code>
              </td>
              <td className="nums">{error.status ?? "–"}</td>
              <td>{error.meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
