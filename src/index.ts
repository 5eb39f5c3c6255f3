/*
 * The library: the operations behind the commands, with the same options, events and reports.
 */
export * from "./base/errors.ts";
export type { Arranging, ExportReport, JobEvent, OutputFile, Progress } from "./jobs/events.ts";
export type { Pace, PaceOptions } from "./jobs/pace.ts";
export { type CountOptions, type CountReport, countRows } from "./operations/count.ts";
export type { KeyspaceOptions } from "./operations/export/keyspacejob.ts";
export { exportTable, planExport } from "./operations/export.ts";
export type { ImportOptions, ImportPlan, ImportReport, ImportSample } from "./operations/import/options.ts";
export { importTable, planImport } from "./operations/import.ts";
export { type FilesReport, type InspectSource, inspect, type TableReport } from "./operations/inspect.ts";
export type { TextReport } from "./operations/inspecttext.ts";
export { exportKeyspace, type KeyspaceExportPlan, type KeyspaceReport, planKeyspace } from "./operations/keyspace.ts";
export type { ConnectionOptions, ExportOptions, ExportPlan, ResumeOptions, TableName } from "./operations/options.ts";
export { type JobStatus, listJobs, resumeExport } from "./operations/resume.ts";
export { type SchemaSource, schemaStatements } from "./operations/schema.ts";
