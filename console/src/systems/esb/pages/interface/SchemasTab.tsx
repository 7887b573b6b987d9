import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { SchemaLine, Version } from "@/api/contract.esb";
import { useFilters } from "@/shared/filter";
import { QueryView } from "@/shared/states";
import { Card, JsonBlock } from "@/shared/ui";
import { reads } from "../../api";
import { wordsOf } from "../../model/schema";
import { FieldTable } from "./FieldTable";
import { NoDefinition } from "./OperationsTab";
import { PartsList } from "./PartsList";

/** Shared schemas of a version: the list, and the fields of the one that is read. */
export function SchemasTab({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const { value, set } = useFilters();
  if (!version.definition) return <NoDefinition />;
  const chosen = value("schema");
  return (
    <PartsList<SchemaLine>
      version={version.id}
      resource="schemas"
      label={t("tab.schemas")}
      isChosen={(one, first) => one.name === chosen || (chosen === undefined && first)}
      choose={(one) => set({ schema: one.name })}
      line={(one) => (
        <span className="two-lines">
          <code>{one.name}</code>
          {one.title && <span className="faint">{one.title}</span>}
        </span>
      )}
    >
      {(first) => {
        const name = chosen ?? first?.name;
        return name === undefined ? null : <OneSchema version={version.id} name={name} />;
      }}
    </PartsList>
  );
}

function OneSchema({ version, name }: { version: string; name: string }) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.schema(version, name));
  return (
    <QueryView query={query}>
      {(one) => (
        <Card key={one.name} title={<code>{one.name}</code>}>
          <div className="stack">
            {wordsOf(one.schema) && <p>{wordsOf(one.schema)}</p>}
            <FieldTable version={version} schema={one.schema} label={one.name} />
            <details className="example">
              <summary>{t("schema.source")}</summary>
              <JsonBlock value={one.schema} label={t("schema.source")} />
            </details>
          </div>
        </Card>
      )}
    </QueryView>
  );
}
