import { expect, it } from "vitest";
import type { Column } from "./DataGrid";
import { csvOf, markdownOf } from "./exports";

interface Row {
  name: string;
  size: number | null;
}
const columns: Column<Row>[] = [
  { key: "name", title: "Name", width: "1fr", cell: (r) => r.name, value: (r) => r.name },
  { key: "size", title: "Size", width: "1fr", cell: (r) => r.size, value: (r) => r.size },
  { key: "buttons", title: "Buttons", width: "1fr", cell: () => null },
];
const rows: Row[] = [
  { name: 'a "quoted", name', size: 1 },
  { name: "=HYPERLINK(1)", size: null },
  { name: "two\nlines | bar", size: 3 },
];

it("csv_quotes_and_disarms_formulas", () => {
  expect(csvOf(rows, columns)).toBe(
    '\ufeffName,Size\r\n"a ""quoted"", name",1\r\n\'=HYPERLINK(1),\r\n"two\nlines | bar",3\r\n',
  );
});

it("markdown_escapes_bars_and_line_ends", () => {
  expect(markdownOf(rows, columns).split("\n")[4]).toBe("| two lines \\| bar | 3 |");
});
