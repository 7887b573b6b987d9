import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { List } from "@/api/contract";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton } from "@/shared/ui";
import { ListCommand } from "./words";

/** A column of names with codes below them. */
export const nameColumn = <T extends { code: string }>(
  title: string,
  nameOf: (row: T) => ReactNode,
): Column<T> => ({
  key: "name",
  title,
  width: "minmax(180px, 2fr)",
  cell: (row) => (
    <span className="two-lines">
      <b>{nameOf(row)}</b>
      <code className="faint">{row.code}</code>
    </span>
  ),
  value: (row) => row.code,
  sortable: true,
});

/** A register of the house: everything in it, and the form that adds to it. */
export function RegisterPage<T extends { code: string }>({
  title,
  resource,
  query,
  columns,
  empty,
  children,
}: {
  title: string;
  /** Under the platform's API, and the name of exported files. */
  resource: string;
  query: UseQueryResult<List<T>>;
  columns: readonly Column<T>[];
  empty: { title: string; detail: string };
  children: ReactNode;
}) {
  return (
    <>
      <PageHeader
        title={title}
        name={title}
        actions={
          <>
            <ListCommand resource={resource} />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <QueryView query={query}>
          {({ items }) => (
            <DataGrid
              label={title}
              rows={items}
              columns={columns}
              rowKey={(one) => one.code}
              rowHeight={48}
              exportName={resource}
              empty={<Empty {...empty} />}
            />
          )}
        </QueryView>
      </Card>
      {children}
    </>
  );
}
