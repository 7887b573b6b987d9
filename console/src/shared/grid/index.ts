export { DataGrid, type Column, type Order } from "./DataGrid";
export { csvOf, download } from "./exports";
