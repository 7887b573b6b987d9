export { DataGrid, type Column } from "./DataGrid";
export { download } from "./exports";
