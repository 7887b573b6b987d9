export { DataGrid, type Column, type Order } from "./DataGrid";
export { download } from "./exports";
