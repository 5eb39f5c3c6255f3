/*
 * The library: the operations behind the commands, with the same options, events and reports.
 */
export * from "./base/errors.ts";
export type { ExportReport, JobEvent, OutputFile, Progress } from "./jobs/events.ts";
export { exportTable, planExport } from "./operations/export.ts";
export type { ConnectionOptions, ExportOptions, ExportPlan, TableName } from "./operations/options.ts";
