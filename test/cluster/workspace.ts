/*
 * What tests of the binary against a cluster share: a keyspace and a directory of their own, both gone at the end, and
 * rows to begin with. Runs of the binary are in that directory, where destinations can be named without a path.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, expect, inject } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { type Ended, runBinary } from "./binary.ts";
import { testClient, testKeyspace } from "./support.ts";

/** A batch of rows; those of one partition should stand together. */
const BATCH_ROWS = 100;

export class Workspace {
  client!: Client;
  keyspace!: string;
  directory!: string;
  /** `address:port` of the run's node. */
  host!: string;

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** Makes a table of the keyspace and fills it. `columns` names them as CREATE TABLE does, without the key's clause. */
  async table(name: string, columns: string, key: string, rows: readonly (readonly unknown[])[]): Promise<void> {
    const { client, keyspace } = this;
    await client.execute(`CREATE TABLE ${keyspace}.${name} (${columns}, PRIMARY KEY ${key})`);
    const names = columns.split(", ").map((column) => column.slice(0, column.lastIndexOf(" ")));
    const marks = names.map(() => "?").join(", ");
    const query = `INSERT INTO ${keyspace}.${name} (${names.join(", ")}) VALUES (${marks})`;
    for (let at = 0; at < rows.length; at += BATCH_ROWS) {
      const queries = rows.slice(at, at + BATCH_ROWS).map((params) => ({ query, params }));
      await client.batch(queries, { prepare: true, logged: false });
    }
  }

  /** Runs the binary with these arguments; `fault` is the step at which it kills itself. */
  run(args: readonly string[], fault?: string): Promise<Ended> {
    return runBinary(this.directory, args, fault === undefined ? {} : { CQLDUCK_FAULT: fault });
  }

  /** Exports a table of the keyspace. */
  export(table: string, destination: string, flags: readonly string[] = [], fault?: string): Promise<Ended> {
    const fixed = ["-H", this.host, "--progress", "none"];
    return this.run(["export", `${this.keyspace}.${table}`, destination, ...fixed, ...flags], fault);
  }

  /** Exports it, and fails unless all went well. */
  async exported(...args: Parameters<Workspace["export"]>): Promise<void> {
    const { code, err } = await this.export(...args);
    expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
  }

  /** Fails unless the export is refused as a wrong command, with these words. */
  async refused(says: RegExp, ...args: Parameters<Workspace["export"]>): Promise<void> {
    const { code, err } = await this.export(...args);
    expect([code, err]).toEqual([2, expect.stringMatching(says)]);
  }
}

/** The workspace of a test file, made before its first test. `label` is in the names of what is made. */
export function useWorkspace(label: string, prepare: (workspace: Workspace) => Promise<void>): Workspace {
  const workspace = new Workspace();
  beforeAll(async () => {
    await ensureBinary();
    workspace.client = await testClient();
    workspace.keyspace = await testKeyspace(workspace.client, label);
    workspace.directory = await mkdtemp(join(tmpdir(), `cqlduck-${label}-`));
    const { host, port } = inject("cassandra");
    workspace.host = `${host}:${port}`;
    await prepare(workspace);
  }, 300_000);
  afterAll(() => rm(workspace.directory, { recursive: true, force: true }));
  return workspace;
}
