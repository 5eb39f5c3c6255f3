/*
 * Dynamic data masking on a real node with logins: who may not see a value never gets its mask by accident, and who may
 * gets the value. Judged by the data that each role exports.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { Cluster as Session } from "../../src/cassandra/cluster.ts";
import { readMasking } from "../../src/cassandra/masks.ts";
import { readTable } from "../../src/cassandra/schema.ts";
import { type ConnectionOptions, countRows, type ExportOptions, exportTable } from "../../src/index.ts";
import { isBefore, loadCql, serverVersion } from "./cql.ts";
import { ask } from "./parquet.ts";
import { startOwnCluster, testClient, testKeyspace } from "./support.ts";

const version = await (async () => {
  const { host, port } = inject("cassandra");
  return serverVersion(await testClient({ hosts: [host], port }));
})();
const old = isBefore(version, "5.0");
if (old) console.error(`Cassandra ${version} has no masks: their tests are skipped`);

const CLEAR = { k: 1, ssn: "123-45-6789", age: 42, n: "nn", r: "rr", plain: "pp" };
const MASKED = { k: 1, ssn: "*******6789", age: 0, n: null, r: "REDACTED", plain: "pp" };
const SELECT = "SELECT k, ssn, age, n, r, plain";
const MASKED_COLUMNS = "age, email, h, n, r, ssn";
const PARTITIONS = 300;

describe.skipIf(old)("masked columns", () => {
  let cluster: Cluster;
  let client: Client;
  let keyspace: string;
  let directory: string;
  let files = 0;

  beforeAll(async () => {
    cluster = await startOwnCluster({ auth: true, version: "5.0" });
    client = await testClient(cluster);
    keyspace = await testKeyspace(client, "masked");
    directory = await mkdtemp(join(tmpdir(), "cqlduck-masked-"));
    await loadCql(client, "16_masking_50.cql", { keyspace });
    await loadCql(client, "16b_masking_roles_auth_50.cql", { keyspace });
    const insert = `INSERT INTO ${keyspace}.masked_pk (k, c, v) VALUES (?, 1, 'v')`;
    for (let i = 1; i < PARTITIONS; i++) await client.execute(insert, [`key ${i}`], { prepare: true });
    await client.execute(
      `CREATE MATERIALIZED VIEW ${keyspace}.by_ssn AS SELECT * FROM ${keyspace}.masked
         WHERE k IS NOT NULL AND ssn IS NOT NULL PRIMARY KEY (ssn, k)`,
    );
    for (const role of ["heir", "everywhere", "Chief", "table_only"]) {
      await client.execute(`CREATE ROLE "${role}" WITH PASSWORD = '${role}' AND LOGIN = true`);
    }
    for (const statement of [
      "GRANT unmasker TO heir",
      "GRANT SELECT ON ALL KEYSPACES TO everywhere",
      "GRANT UNMASK ON ALL KEYSPACES TO everywhere",
      "CREATE ROLE chiefs WITH SUPERUSER = true",
      'GRANT chiefs TO "Chief"',
      `GRANT SELECT ON KEYSPACE ${keyspace} TO table_only`,
      `GRANT UNMASK ON TABLE ${keyspace}.masked TO table_only`,
    ]) {
      await client.execute(statement);
    }
  }, 240_000);

  afterAll(() => rm(directory, { recursive: true, force: true }));

  function connectionAs(role: string): ConnectionOptions {
    return { hosts: [`${cluster.hosts[0]}:${cluster.port}`], username: role, password: role };
  }

  function exportAs(role: string, table: string, more: Partial<ExportOptions> = {}) {
    const destination = join(directory, `${files++}.parquet`);
    return exportTable({ connection: connectionAs(role), table: { keyspace, table }, destination, ...more });
  }

  it.each(["cassandra", "unmasker", "heir", "everywhere", "Chief", "table_only"])("come clear to %s", async (role) => {
    const { destination, notices } = await exportAs(role, "masked");
    expect(await ask(`${SELECT} FROM '${destination}'`)).toEqual([CLEAR]);
    expect(notices).toEqual([]);
  });

  it.each(["reader", "filterer"])("are refused to %s by name, and nothing is written", async (role) => {
    const before = await readdir(directory);
    await expect(exportAs(role, "masked")).rejects.toMatchObject({
      name: "UsageError",
      message: `role ${role} reads columns ${MASKED_COLUMNS} of ${keyspace}.masked masked: it lacks the permission UNMASK`,
      hint: expect.stringContaining(`GRANT UNMASK ON TABLE ${keyspace}.masked TO ${role}; `),
    });
    expect(await readdir(directory)).toEqual(before);
  });

  it("are what the server makes of them where --allow-masked is said, and the report names them", async () => {
    const { destination, notices } = await exportAs("reader", "masked", { allowMasked: true });
    expect(await ask(`${SELECT} FROM '${destination}'`)).toEqual([MASKED]);
    expect(notices).toEqual([`columns ${MASKED_COLUMNS}: masked by the server, not the values it holds`]);
  });

  it("don't hinder an export without them", async () => {
    const { destination, notices } = await exportAs("reader", "masked", { columns: ["plain", "k"] });
    expect(await ask(`SELECT * FROM '${destination}'`)).toEqual([{ plain: "pp", k: 1 }]);
    expect(notices).toEqual([]);
  });

  it("have the writetimes that they have: masks are for values", async () => {
    const chosen = { columns: ["k"], writetime: ["ssn"], ttl: ["ssn"] } as const;
    const { destination, notices } = await exportAs("reader", "masked", chosen);
    const { rows } = await client.execute(`SELECT WRITETIME(ssn) AS at FROM ${keyspace}.masked`);
    expect(await ask(`SELECT * FROM '${destination}'`)).toEqual([
      { k: 1, ssn_writetime: String(rows[0]!["at"]), ssn_ttl: null },
    ]);
    expect(notices).toEqual([]);
  });

  it("are refused in a SELECT too, in whatever form, and not where they are not read", async () => {
    const select = (what: string, more: Partial<ExportOptions> = {}) =>
      exportAs("reader", "", { table: undefined, query: `SELECT ${what} FROM ${keyspace}.masked`, ...more });
    for (const what of ["*", "JSON *", "k, ssn AS plain", "max(ssn)", "k, cast(age AS text)"]) {
      await expect(select(what)).rejects.toMatchObject({
        message: expect.stringMatching(/^role reader reads columns? .*(ssn|age).* masked/),
        hint: expect.stringContaining("leave them out of the SELECT"),
      });
    }
    const clear = await select("k, plain AS ssn, writetime(ssn)");
    expect(await ask(`SELECT k, ssn FROM '${clear.destination}'`)).toEqual([{ k: 1, ssn: "pp" }]);
    expect((await select("count(*)")).notices).toEqual([]);
    const masked = await select("k, ssn", { allowMasked: true });
    expect(masked.notices).toEqual(["column ssn: masked by the server, not the values it holds"]);
    expect(await ask(`SELECT * FROM '${masked.destination}'`)).toEqual([{ k: 1, ssn: MASKED.ssn }]);
  });

  it("of a view need permissions on the view", async () => {
    const { destination } = await exportAs("unmasker", "by_ssn");
    expect(await ask(`${SELECT} FROM '${destination}'`)).toEqual([CLEAR]);
    await expect(exportAs("table_only", "by_ssn")).rejects.toMatchObject({ name: "UsageError" });
    const masked = await exportAs("table_only", "by_ssn", { allowMasked: true });
    expect(await ask(`${SELECT} FROM '${masked.destination}'`)).toEqual([MASKED]);
  });

  describe("in the partition key", () => {
    const distinct = (file: string) => ask(`SELECT count(*)::INT AS n, count(DISTINCT k)::INT AS keys FROM '${file}'`);

    it("are refused, or come masked: by token ranges to who may filter by them, else in one piece", async () => {
      const clear = await exportAs("unmasker", "masked_pk");
      expect(await distinct(clear.destination)).toEqual([{ n: PARTITIONS, keys: PARTITIONS }]);
      await expect(exportAs("reader", "masked_pk")).rejects.toMatchObject({
        message: `role reader reads column k of ${keyspace}.masked_pk masked: it lacks the permission UNMASK`,
      });
      const whole = await exportAs("reader", "masked_pk", { allowMasked: true, pageSize: 7 });
      expect([whole.ranges, await distinct(whole.destination)]).toEqual([1, [{ n: PARTITIONS, keys: 1 }]]);
      expect(whole.notices).toContainEqual(expect.stringContaining("it is read in one piece"));
      const ranges = await exportAs("filterer", "masked_pk", { allowMasked: true, splits: 32 });
      expect([ranges.ranges, await distinct(ranges.destination)]).toEqual([32, [{ n: PARTITIONS, keys: 1 }]]);
    });

    it.each([
      ["unmasker", 32],
      ["filterer", 32],
      ["reader", 1],
    ])("change no count: %s", async (role, ranges) => {
      const report = await countRows({ connection: connectionAs(role), table: { keyspace, table: "masked_pk" } });
      expect(report.rows).toBe(PARTITIONS);
      expect(report.ranges).toBeGreaterThanOrEqual(ranges);
      expect(report.notices).toHaveLength(ranges === 1 ? 1 : 0);
    });
  });

  it.each([
    ["cassandra", "not authorized"],
    [undefined, "has no name"],
  ])("are taken for masked where the server won't tell the permissions of %s", async (role, reason) => {
    const session = await Session.connect(connectionAs("reader"));
    try {
      const masking = await readMasking(session, await readTable(session, keyspace, "masked_pk"), role);
      expect(masking).toEqual({ columns: ["k"], tokensRefused: true, unknown: expect.stringContaining(reason) });
    } finally {
      await session.close();
    }
  });

  it("that appear, or show themselves, while rows are read end the export, and nothing is published", async () => {
    await client.execute(`CREATE ROLE passing WITH PASSWORD = 'passing' AND LOGIN = true`);
    await client.execute(`GRANT SELECT ON KEYSPACE ${keyspace} TO passing`);
    await client.execute(`GRANT UNMASK ON KEYSPACE ${keyspace} TO passing`);
    let revoked: Promise<unknown> | undefined;
    const onEvent: ExportOptions["onEvent"] = (event) => {
      if (event.kind === "planned") revoked = client.execute(`REVOKE UNMASK ON KEYSPACE ${keyspace} FROM passing`);
    };
    const destination = join(directory, "passing.parquet");
    const options = { destination, splits: 500, concurrency: 1, pageSize: 1, onEvent };
    await expect(exportAs("passing", "masked", options)).rejects.toMatchObject({
      name: "ClusterError",
      message: expect.stringContaining("changed while it was read"),
    });
    await revoked;
    expect(await readdir(directory)).not.toContain("passing.parquet");
    await expect(exportAs("passing", "masked", { destination, resume: true, allowMasked: true })).rejects.toMatchObject(
      { name: "UsageError", hint: expect.stringContaining("--restart") },
    );
    const again = await exportAs("passing", "masked", { destination, restart: true, allowMasked: true });
    expect(await ask(`${SELECT} FROM '${again.destination}'`)).toEqual([MASKED]);
  });

  it("are clear to everybody where nothing asks for permissions", async () => {
    const open = await testClient();
    const own = await testKeyspace(open, "unmasked");
    await loadCql(open, "16_masking_50.cql", { keyspace: own });
    const { host, port } = inject("cassandra");
    const hosts = [`${host}:${port}`];
    for (const login of [{}, { username: "anybody", password: "anything" }]) {
      const destination = join(directory, `${files++}.parquet`);
      const table = { keyspace: own, table: "masked" };
      const { notices } = await exportTable({ connection: { hosts, ...login }, table, destination });
      expect([await ask(`${SELECT} FROM '${destination}'`), notices]).toEqual([[CLEAR], []]);
    }
  });
});

describe.skipIf(old)("masks where every login has every permission", () => {
  it("hide nothing, and nothing is refused", { timeout: 240_000 }, async () => {
    const cluster = await startOwnCluster({ auth: true, version: "5.0", yaml: "authorizer: AllowAllAuthorizer\n" });
    const client = await testClient(cluster);
    const keyspace = await testKeyspace(client, "allowall");
    await loadCql(client, "16_masking_50.cql", { keyspace });
    await client.execute("CREATE ROLE reader WITH PASSWORD = 'reader' AND LOGIN = true");
    const connection = {
      hosts: [`${cluster.hosts[0]}:${cluster.port}`],
      username: "reader",
      password: "reader",
    };
    const directory = await mkdtemp(join(tmpdir(), "cqlduck-allowall-"));
    try {
      const destination = join(directory, "x.parquet");
      await exportTable({ connection, table: { keyspace, table: "masked" }, destination });
      expect(await ask(`${SELECT} FROM '${destination}'`)).toEqual([CLEAR]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
