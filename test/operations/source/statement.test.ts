import driver from "cassandra-driver";
import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/cassandra/cluster.ts";
import { RESULT_COLUMNS } from "../../../src/cassandra/rawrows.ts";
import type { TableSchema } from "../../../src/cassandra/schema.ts";
import { parseSelect } from "../../../src/cassandra/select.ts";
import { openStatement, wholeSelect } from "../../../src/operations/source/statement.ts";

const column = (name: string, kind: "partition_key" | "regular") => ({ name, type: "int", kind, descending: false });
const schema: TableSchema = {
  keyspace: "ks",
  table: "t",
  id: "",
  virtual: false,
  columns: [column("a", "partition_key"), column("b", "partition_key"), column("value", "regular")],
  userTypes: new Map(),
};

const RESULT = [{ name: "a", type: { code: 9 } }];

type Answer = (cql: string) => Promise<number>;

/** A cluster whose hosts say how many parameters a statement has, or fail; its keyspace other has an aggregate. */
function clusterOf(...hosts: Answer[]): Cluster {
  return {
    localHosts: () =>
      hosts.map((answer) => ({
        borrowConnection: () => ({
          prepareOnceAsync: async (cql: string) => ({
            meta: { columns: Array(await answer(cql)).fill({}), [RESULT_COLUMNS]: RESULT },
          }),
        }),
      })),
    query: async (_: string, [keyspace]: string[]) => (keyspace === "other" ? [{ aggregate_name: "mine" }] : []),
  } as unknown as Cluster;
}

const refusal = (code: number, message: string) =>
  new driver.errors.ResponseError(code, message) as unknown as Error & { code: number };
const takes: Answer = async (cql) => cql.split("?").length - 1;

describe("a statement that the server is asked about", () => {
  const select = parseSelect("SELECT a FROM ks.t WHERE value = 1");

  it("is read by token ranges where it takes them, and else as it stands", async () => {
    expect(await openStatement(clusterOf(takes), schema, select, undefined)).toEqual({
      columns: RESULT,
      whole: undefined,
    });
    const noRanges: Answer = async (cql) => {
      if (cql.includes("token(")) throw refusal(0x2200, "no tokens here");
      return 0;
    };
    expect(await openStatement(clusterOf(noRanges), schema, select, undefined)).toEqual({
      columns: RESULT,
      whole: "the server has no token ranges for it: no tokens here",
    });
  });

  it("is asked of the next host where one does not answer", async () => {
    const away: Answer = () => Promise.reject(new Error("No connection available"));
    expect((await openStatement(clusterOf(away, takes), schema, select, "known")).whole).toBe("known");
    await expect(openStatement(clusterOf(away, away), schema, select, "known")).rejects.toMatchObject({
      name: "ClusterError",
      message: expect.stringContaining("No connection available"),
    });
    await expect(openStatement(clusterOf(), schema, select, "known")).rejects.toMatchObject({ name: "ClusterError" });
  });

  it("is refused in its words, with the column that was meant", async () => {
    const refuses = (code: number, words: string) =>
      openStatement(
        clusterOf(() => Promise.reject(refusal(code, words))),
        schema,
        select,
        undefined,
      );
    await expect(refuses(0x2000, "line 1:2 no viable alternative")).rejects.toMatchObject({
      name: "UsageError",
      message: "the server refuses the statement: line 1:2 no viable alternative",
      hint: "it was sent SELECT a FROM ks.t WHERE value = 1",
    });
    await expect(refuses(0x2200, "Undefined column name valeu in table ks.t")).rejects.toMatchObject({
      hint: "did you mean value?",
    });
    const overloaded = refuses(0x1001, "busy");
    await expect(overloaded).rejects.toMatchObject({ name: "ClusterError" });
  });

  it("may have no values to bind", async () => {
    const asks = parseSelect("SELECT a FROM ks.t WHERE value = ?");
    await expect(openStatement(clusterOf(takes), schema, asks, undefined)).rejects.toMatchObject({
      name: "UsageError",
    });
  });
});

describe("a SELECT is read as it stands", () => {
  const why = (cql: string) => wholeSelect(clusterOf(takes), schema, parseSelect(cql));

  it.each([
    ["SELECT a FROM ks.t LIMIT 1", /LIMIT/],
    ["SELECT a FROM ks.t WHERE a = 1 AND b = 2 ORDER BY c", /ORDER BY/],
    ["SELECT a, max(value) FROM ks.t", /aggregate/],
    ["SELECT f(Count(1)) FROM ks.t", /aggregate/],
    ["SELECT other.mine(value) FROM ks.t", /aggregate/],
    ["SELECT mine(value) FROM other.t", /aggregate/],
    ["SELECT a, max(value) FROM ks.t GROUP BY b, a", /groups/],
    ["SELECT max(value) FROM ks.t WHERE a = 1 GROUP BY b", /groups/],
    ["SELECT a FROM ks.t WHERE b IN (1, 2) AND a > 1", /IN on the partition key/],
    ["SELECT a FROM ks.t WHERE a = 1 AND (b = 2)", /one partition/],
    ["SELECT a FROM ks.t WHERE token(a, b) > 1", /token/],
  ])("where token ranges would give others, or nothing is won by them: %s", async (cql, reason) => {
    expect(await why(cql)).toMatch(reason);
  });

  it.each([
    "SELECT * FROM ks.t",
    "SELECT DISTINCT a, b FROM ks.t",
    "SELECT mine(value), other.f(a) FROM ks.t",
    'SELECT a, "count" FROM ks.t PER PARTITION LIMIT 1',
    "SELECT a, b, other.mine(value), count(*) FROM ks.t GROUP BY a, b, c",
    "SELECT token(a, b) FROM ks.t WHERE a = 1 AND value IN (1, 2)",
  ])("and else by token ranges: %s", async (cql) => {
    expect(await why(cql)).toBeUndefined();
  });
});
