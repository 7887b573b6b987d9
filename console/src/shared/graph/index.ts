export { StageGraph, type StageColumn, type StageNode } from "./StageGraph";
