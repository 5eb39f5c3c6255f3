/*
 * `npm run bench -- export` compares cqlduck with a bare drain, DSBulk and a Python script, `… import` with DSBulk, cqlsh
 * and a Python script; `npm run bench -- memory` measures the memory of exports that strain it. What the figures mean is
 * in docs/performance.md.
 */
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { ExportBench } from "./bench/export.ts";
import type { ImportBench } from "./bench/import.ts";
import type { Layout, MemoryFailure, MemoryResult } from "./bench/memory.ts";

const USAGE = `npm run bench -- export [--rows <n>] [--rounds <n>] [--only a,b,c,d] [--host <host:port>] [--json]
npm run bench -- import [--rows <n>] [--rounds <n>] [--only b,c,d,e] [--shapes events,singles,wide] [--host <host:port>] [--json]
npm run bench -- memory [--scale <factor>] [--only <shape,…>] [--host <host:port>] [--json]

Without --host a Cassandra node is started. With it the keyspace cqlduck_test_bench is made there and kept.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: "string" },
      rounds: { type: "string", default: "3" },
      scale: { type: "string", default: "1" },
      only: { type: "string" },
      shapes: { type: "string" },
      host: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const [what, plan = ""] = positionals;
  // Imported where needed: the drain is measured, and must not pay for the rest.
  if (what === "drain") {
    await (await import("./bench/drain.ts")).drainPlanned(plan);
    return;
  }
  const { only, host, json } = values;
  const machine = {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "?",
    memoryBytes: totalmem(),
    load: loadavg()[0] ?? 0,
  };
  if (what === "export") {
    const { benchExport } = await import("./bench/export.ts");
    const options = {
      rows: count(values.rows ?? "2000000"),
      rounds: count(values.rounds),
      only: chosen("--only", only, ["a", "b", "c", "d"]),
      host,
    };
    const bench = await benchExport(options);
    console.log(
      json ? JSON.stringify({ machine, ...bench }, null, 2) : `${machineText(machine)}\n${exportText(bench)}`,
    );
  } else if (what === "import") {
    const { benchImport, IMPORT_SHAPES } = await import("./bench/import.ts");
    const options = {
      rows: count(values.rows ?? "500000"),
      rounds: count(values.rounds),
      only: chosen("--only", only, ["b", "c", "d", "e"]),
      shapes: chosen("--shapes", values.shapes, IMPORT_SHAPES),
      host,
    };
    const bench = await benchImport(options);
    console.log(
      json ? JSON.stringify({ machine, ...bench }, null, 2) : `${machineText(machine)}\n${importText(bench)}`,
    );
  } else if (what === "memory") {
    const { benchMemory, LAYOUT_NAMES, SHAPE_NAMES } = await import("./bench/memory.ts");
    const options = { scale: positive(values.scale), only: chosen("--only", only, SHAPE_NAMES), host };
    const results = await benchMemory(options);
    console.log(
      json
        ? JSON.stringify({ machine, results }, null, 2)
        : `${machineText(machine)}\n${memoryText(results, LAYOUT_NAMES)}`,
    );
  } else {
    throw new Error(USAGE);
  }
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${text} is not a number above 0\n${USAGE}`);
  return number;
}

function count(text: string): number {
  const number = positive(text);
  if (!Number.isSafeInteger(number)) throw new Error(`${text} is not a whole number\n${USAGE}`);
  return number;
}

function chosen(option: string, text: string | undefined, all: readonly string[]): readonly string[] {
  const names = text?.split(",") ?? all;
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`${option} takes ${all.join(",")}, not ${unknown}`);
  return names;
}

interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly load: number;
}

function machineText({ cores, cpu, memoryBytes, load }: Machine): string {
  const memory = Math.round(memoryBytes / 2 ** 30);
  return `${cores} cores (${cpu}), ${memory} GiB; load average when this began: ${load.toFixed(1)}`;
}

const megabytes = (bytes: number) => (bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 });

function exportText({ rows, rounds, settings, notes }: ExportBench): string {
  const ratio = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(2)}×`);
  const tables = settings.flatMap(({ name, results }) => [
    "",
    `${name}; ${rows.toLocaleString("en")} rows, median of ${rounds} rounds`,
    ...table([
      ["", "rows/s", "time to a", "CPU µs/row", "CPU to a", "peak MB", "output MB"],
      ...results.map((result) => [
        result.name,
        Math.round(result.rowsPerSecond).toLocaleString("en"),
        ratio(result.timeRatio),
        result.cpuMicrosPerRow.toFixed(2),
        ratio(result.cpuRatio),
        megabytes(result.peakBytes),
        megabytes(result.outputBytes),
      ]),
    ]),
  ]);
  return [...tables, ...notes.map((note) => `note: ${note}`)].join("\n");
}

function importText({ rounds, settings, notes }: ImportBench): string {
  const tables = settings.flatMap(({ name, rows, results }) => [
    "",
    `${name}; ${rows.toLocaleString("en")} rows, median of ${rounds} rounds`,
    ...table([
      ["", "rows/s", "client CPU µs/row", "server CPU µs/row", "peak MB"],
      ...results.map((result) => [
        result.name,
        Math.round(result.rowsPerSecond).toLocaleString("en"),
        result.cpuMicrosPerRow.toFixed(2),
        result.serverMicrosPerRow?.toFixed(2) ?? "",
        megabytes(result.peakBytes),
      ]),
    ]),
  ]);
  return [...tables, "", ...notes.map((note) => `note: ${note}`)].join("\n");
}

function memoryText(
  results: readonly (MemoryResult | MemoryFailure)[],
  layouts: Readonly<Record<Layout, string>>,
): string {
  const nameOf = ({ shape, layout }: MemoryResult | MemoryFailure) => `${shape}, to ${layouts[layout]}`;
  const rows = results.map((result) =>
    "failure" in result
      ? [nameOf(result), "failed", "", "", ""]
      : [
          nameOf(result),
          megabytes(result.peakBytes),
          result.seconds.toFixed(1),
          result.cpuSeconds.toFixed(1),
          megabytes(result.outputBytes),
        ],
  );
  const failures = results.flatMap((result) => ("failure" in result ? [`${nameOf(result)}: ${result.failure}`] : []));
  return [...table([["", "peak MB", "seconds", "CPU s", "output MB"], ...rows]), ...failures].join("\n");
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const align = (cell: string, i: number) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
  return rows.map((row) => `  ${row.map(align).join("  ")}`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
