/*
 * Owns what tests of imports share: files of their own, imports of them with all that a user would see, and what a table
 * then holds.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { inject } from "vitest";
import { EXIT_DONE, EXIT_REJECTED, exitCodeOf } from "../../src/cli/faults.ts";
import { type ImportOptions, type ImportReport, importTable } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

export interface Outcome {
  /** As the command would end. */
  readonly code: number;
  /** The error with its hint; nothing where there is none. */
  readonly message: string;
  readonly report: ImportReport | undefined;
  readonly bad: Record<string, unknown>[];
}

export class Importing {
  readonly client: Client;
  readonly keyspace: string;
  readonly directory: string;
  #jobs = 0;

  private constructor(client: Client, keyspace: string, directory: string) {
    this.client = client;
    this.keyspace = keyspace;
    this.directory = directory;
  }

  /** With a keyspace and a directory of its own, and tables whose statements say $ks for the keyspace. */
  static async open(label: string, ...tables: readonly string[]): Promise<Importing> {
    const client = await testClient();
    const keyspace = await testKeyspace(client, label);
    for (const table of tables) await client.execute(table.replaceAll("$ks", keyspace));
    return new Importing(client, keyspace, await mkdtemp(join(tmpdir(), `cqlduck-${label}-`)));
  }

  close(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  /** A job directory that nobody had. */
  newJob(): string {
    return join(this.directory, `job-${this.#jobs++}`);
  }

  async import(path: string, table = "t", more: Partial<ImportOptions> = {}): Promise<Outcome> {
    const { host, port } = inject("cassandra");
    const jobDirectory = more.jobDirectory ?? this.newJob();
    const badRows = `${jobDirectory}.bad`;
    let [code, message, report]: [number, string, ImportReport | undefined] = [EXIT_DONE, "", undefined];
    try {
      report = await importTable({
        connection: { hosts: [`${host}:${port}`] },
        table: { keyspace: this.keyspace, table },
        sources: [path],
        badRows,
        ...more,
        jobDirectory,
      });
      if (report.rejected > 0) code = EXIT_REJECTED;
    } catch (error) {
      code = exitCodeOf(error);
      message = `${(error as Error).message}\n${(error as { hint?: string }).hint ?? ""}`;
    }
    const text = await readFile(badRows, "utf8").catch(() => "");
    const bad = text.split("\n").filter(Boolean);
    return { code, message, report, bad: bad.map((line) => JSON.parse(line) as Record<string, unknown>) };
  }

  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, content);
    return path;
  }

  async parquet(name: string, select: string, options = ""): Promise<string> {
    const path = join(this.directory, name);
    await ask(`COPY (${select}) TO '${path}' (FORMAT parquet${options})`);
    return path;
  }

  async empty(table = "t"): Promise<void> {
    await this.client.execute(`TRUNCATE ${this.keyspace}.${table}`);
  }

  /** The keys that a table has, in their order. */
  async keys(table = "t", key = "p, c"): Promise<string[]> {
    const found: string[] = [];
    const rows = await this.client.execute(`SELECT ${key} FROM ${this.keyspace}.${table}`, [], { fetchSize: 5000 });
    for await (const row of rows) found.push(row.values().join(":"));
    return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }
}
