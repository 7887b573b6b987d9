import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon, StatusIcon, Tag } from "@/shared/ui";
import { reads } from "../../api";
import {
  boundsOf,
  labelOf,
  type Part,
  partsOf,
  refName,
  typeOf,
  wordsOf,
} from "../../model/schema";

/** Deeper than this nothing opens by itself: schemas may hold themselves. */
const OPEN_DEPTH = 2;

/** A schema as a table of fields; shared schemas are fetched when they are opened. */
export function FieldTable({
  version,
  schema,
  label,
}: {
  version: string;
  schema: unknown;
  label: string;
}) {
  const { t } = useTranslation("esb");
  const own = refName(schema) === null && partsOf(schema).length > 0;
  return (
    <div className="scroll-x">
      <table className="plain-table field-table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{t("field.name")}</th>
            <th scope="col">{t("field.type")}</th>
            <th scope="col">{t("field.bounds")}</th>
            <th scope="col">{t("field.label")}</th>
            <th scope="col">{t("field.words")}</th>
          </tr>
        </thead>
        <tbody>
          {own ? (
            <Parts version={version} schema={schema} depth={0} />
          ) : (
            <Row
              version={version}
              part={{ kind: "part", name: typeOf(schema), required: false, schema }}
              depth={0}
            />
          )}
        </tbody>
      </table>
    </div>
  );
}

function Parts({ version, schema, depth }: { version: string; schema: unknown; depth: number }) {
  return partsOf(schema).map((part, i) => (
    <Row key={`${part.kind}${part.name}${i}`} version={version} part={part} depth={depth} />
  ));
}

function Row({ version, part, depth }: { version: string; part: Part; depth: number }) {
  const { t } = useTranslation("esb");
  const id = useId();
  const name = refName(part.schema);
  const inner = name !== null || partsOf(part.schema).length > 0;
  const [isOpen, setOpen] = useState(inner && depth < (name === null ? OPEN_DEPTH : 1));
  const shared = useQuery({
    ...reads.schema(version, name ?? ""),
    enabled: name !== null && isOpen,
  });
  const schema = name === null ? part.schema : (shared.data?.schema ?? part.schema);
  const label = labelOf(part.schema) ?? labelOf(schema);
  const bounds = boundsOf(schema);
  return (
    <>
      <tr>
        <th scope="row" style={{ paddingLeft: 14 + depth * 18 }}>
          <span className="row field-name">
            {inner ? (
              <button
                type="button"
                className="icon-button"
                aria-expanded={isOpen}
                aria-label={t("field.open", { name: part.name })}
                onClick={() => setOpen(!isOpen)}
              >
                <Icon name={isOpen ? "down" : "right"} size={12} />
              </button>
            ) : (
              <span className="field-leaf" />
            )}
            <code>{part.name}</code>
            {part.kind === "field" && part.required && <Tag tone="warn">{t("field.required")}</Tag>}
            {part.kind === "branch" && <Tag>{t("field.branch")}</Tag>}
          </span>
        </th>
        <td>
          <code>{typeOf(part.schema)}</code>
        </td>
        <td>
          <span className="chips">
            {bounds.map((bound) => (
              <code key={bound}>{bound}</code>
            ))}
          </span>
        </td>
        <td>{label && <Tag tone={label === "none" ? "idle" : "warn"}>{label}</Tag>}</td>
        <td>{wordsOf(part.schema) ?? wordsOf(schema)}</td>
      </tr>
      {isOpen && shared.error && (
        <tr>
          <td colSpan={5} id={id}>
            <StatusIcon state="failed" /> {t("field.notThere", { name })}
          </td>
        </tr>
      )}
      {isOpen && (name === null || shared.data) && (
        <Parts version={version} schema={schema} depth={depth + 1} />
      )}
    </>
  );
}
