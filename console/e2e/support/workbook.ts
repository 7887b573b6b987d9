import { crc32, deflateRawSync } from "node:zlib";

/** A date is written as spreadsheets keep it: a number with a date format. */
export type Cell = string | number | { date: string };

const DAY_MS = 86_400_000;
/** Day 1 of a spreadsheet is 1900-01-01; with the leap day that never was, day 0 is this. */
const EPOCH = Date.UTC(1899, 11, 30);
const STYLE_DATE = 1;

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function cellXml(cell: Cell, at: string): string {
  if (typeof cell === "number") return `<c r="${at}"><v>${cell}</v></c>`;
  if (typeof cell === "string")
    return `<c r="${at}" t="inlineStr"><is><t>${escape(cell)}</t></is></c>`;
  const days = (Date.parse(`${cell.date}T00:00:00Z`) - EPOCH) / DAY_MS;
  return `<c r="${at}" s="${STYLE_DATE}"><v>${days}</v></c>`;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELS = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPES = "http://schemas.openxmlformats.org/package/2006/content-types";
const KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml";

function parts(rows: readonly Cell[][]): [name: string, text: string][] {
  const lines = rows.map((cells, r) => {
    const inner = cells.map((cell, c) => cellXml(cell, `${"ABCDEFGH"[c] ?? "Z"}${r + 1}`));
    return `<row r="${r + 1}">${inner.join("")}</row>`;
  });
  const styles =
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills>' +
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>' +
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>';
  return [
    [
      "[Content_Types].xml",
      `${HEAD}<Types xmlns="${TYPES}">` +
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
        `<Override PartName="/xl/workbook.xml" ContentType="${KIND}.sheet.main+xml"/>` +
        `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${KIND}.worksheet+xml"/>` +
        `<Override PartName="/xl/styles.xml" ContentType="${KIND}.styles+xml"/></Types>`,
    ],
    [
      "_rels/.rels",
      `${HEAD}<Relationships xmlns="${RELS}">` +
        `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ],
    [
      "xl/workbook.xml",
      `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}">` +
        '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    ],
    [
      "xl/_rels/workbook.xml.rels",
      `${HEAD}<Relationships xmlns="${RELS}">` +
        `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
        `<Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
    ],
    ["xl/styles.xml", `${HEAD}<styleSheet xmlns="${MAIN}">${styles}</styleSheet>`],
    [
      "xl/worksheets/sheet1.xml",
      `${HEAD}<worksheet xmlns="${MAIN}"><sheetData>${lines.join("")}</sheetData></worksheet>`,
    ],
  ];
}

/** The fields a file has in both of its headers: version, flags, method, time, date, sums. */
function common(packed: Buffer, text: Buffer): Buffer {
  const out = Buffer.alloc(22);
  out.writeUInt16LE(20, 0);
  out.writeUInt16LE(8, 4);
  // 1980-01-01: the same rows give the same bytes.
  out.writeUInt16LE(0x21, 8);
  out.writeUInt32LE(crc32(text), 10);
  out.writeUInt32LE(packed.length, 14);
  out.writeUInt32LE(text.length, 18);
  return out;
}

/** A workbook of one sheet, as a spreadsheet program would save it. */
export function workbook(rows: readonly Cell[][]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of parts(rows)) {
    const text = Buffer.from(content);
    const packed = deflateRawSync(text);
    const shared = common(packed, text);
    const names = Buffer.alloc(4);
    names.writeUInt16LE(Buffer.byteLength(name), 0);
    const local = Buffer.concat([
      Buffer.from("PK\x03\x04", "latin1"),
      shared,
      names,
      Buffer.from(name),
      packed,
    ]);
    // Comment length, disk and attributes are zero; then where the local header is.
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    const sign = Buffer.from("PK\x01\x02\x14\x00", "latin1");
    central.push(Buffer.concat([sign, shared, names, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06", "latin1"), end]);
}
