export { type Mark, Plot, type Series } from "./Plot";
export { dateOf, dayOf, monthTicks, type Point } from "./scale";
