/*
 * The writer before a node whose answers are spoiled: what is tried again, what never is, and what is given up.
 */
import type { Client } from "cassandra-driver";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { ClusterError, UsageError } from "../../src/base/errors.ts";
import type { ClusterOptions } from "../../src/cassandra/cluster.ts";
import type { RisingTimestamp, StatementKind, WriteStatement } from "../../src/cassandra/rowblock.ts";
import type { WriterOptions } from "../../src/cassandra/writer.ts";
import { bigint, blockOf, int, type Value } from "../cassandra/cells.ts";
import { type Fault, type FaultyProxy, startProxy, UNAVAILABLE_EXTRA, writeTimeoutExtra } from "./faultyproxy.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";
import { startWriting, type Writing } from "./writing.ts";

const OVERLOADED: Fault = { code: 0x1001, message: "too busy" };
const UNAVAILABLE: Fault = { code: 0x1000, message: "not enough replicas", extra: UNAVAILABLE_EXTRA };
const SERVER_ERROR: Fault = { code: 0, message: "java.lang.NullPointerException" };
const TOO_LARGE: Fault = { code: 0x2200, message: "Batch too large" };
const timeout = (after: boolean, kind = "SIMPLE"): Fault => ({
  ...{ code: 0x1100, message: "the replicas are slow", after },
  extra: writeTimeoutExtra(kind),
});

let client: Client;
let keyspace: string;
let address: { host: string; port: number };

beforeAll(async () => {
  address = inject("cassandra");
  client = await testClient();
  keyspace = await testKeyspace(client, "writerfaults");
});

interface Faulty extends Writing {
  readonly proxy: FaultyProxy;
  readonly name: string;
  readonly statement: WriteStatement;
}

let tables = 0;
interface Setup {
  readonly columns?: string;
  readonly cql?: (name: string) => string;
  readonly keys?: readonly number[];
  readonly kind?: StatementKind;
  readonly rising?: (proxy: FaultyProxy) => RisingTimestamp;
  readonly connection?: Partial<ClusterOptions>;
  readonly options?: Partial<WriterOptions>;
}

/** A table of its own, and a writer that reaches it through a proxy of its own. */
async function faulty(setup: Setup = {}): Promise<Faulty> {
  const name = `${keyspace}.t${tables++}`;
  await client.execute(`CREATE TABLE ${name} (${setup.columns ?? "k int, c int, v int, PRIMARY KEY (k, c)"})`);
  const proxy = await startProxy(address.host, address.port);
  const connection = { hosts: [`${proxy.host}:${proxy.port}`], ...setup.connection };
  const writing = await startWriting(connection, keyspace, setup.options);
  const cql = setup.cql?.(name) ?? `INSERT INTO ${name} (k, c, v) VALUES (?, ?, ?)`;
  const { keys = [0], kind = "insert", rising } = setup;
  const statement = await writing.writer.prepare(cql, { keys, kind, rising: rising?.(proxy) });
  return { ...writing, proxy, name, statement };
}

/** Rows (k, c, v) of `partitions` partitions. */
function rowsOf(count: number, partitions: number): Value[][] {
  return Array.from({ length: count }, (_, i) => [int(i % partitions), int(Math.floor(i / partitions)), int(i)]);
}

async function numbers(cql: string): Promise<number[]> {
  const { rows } = await serverRows(address.host, address.port, cql);
  return rows.map(([cell]) => cell!.readInt32BE()).sort((a, b) => a - b);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("rows are all written in the end", () => {
  it("where answers are errors that may pass, before or after the rows were written", async () => {
    const { writer, proxy, name, statement, retries } = await faulty();
    const faults = [OVERLOADED, UNAVAILABLE, SERVER_ERROR, timeout(false), timeout(true), TOO_LARGE];
    proxy.spoil = ({ number }) => (number % 4 === 1 ? faults[(number >> 2) % faults.length] : undefined);
    const blocks = upTo(4).map((i) => rowsOf(4000, 40).slice(i * 1000, (i + 1) * 1000));
    const results = await Promise.all(blocks.map((rows) => writer.write(blockOf(statement, rows))));
    expect(results.flat()).toEqual([]);
    expect(retries.length).toBeGreaterThan(10);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(4000));
  });

  it("where no answer comes", async () => {
    const { writer, proxy, name, statement, retries } = await faulty({ connection: { requestTimeoutMs: 500 } });
    proxy.spoil = ({ number }) => (number < 3 ? "silence" : undefined);
    expect(await writer.write(blockOf(statement, rowsOf(500, 5)))).toEqual([]);
    expect(retries).toEqual(Array(3).fill(expect.stringContaining("did not reply")));
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(500));
  });

  it("where connections are closed, and few are made for it", async () => {
    const { writer, proxy, name, statement } = await faulty();
    proxy.spoil = ({ number }) => (number % 20 === 5 && number < 100 ? "close" : undefined);
    const results: Promise<unknown>[] = [];
    for (let i = 0; i < 10; i++) {
      await writer.room();
      results.push(writer.write(blockOf(statement, rowsOf(4000, 40).slice(i * 400, (i + 1) * 400))));
      await results[i];
    }
    expect((await Promise.all(results)).flat()).toEqual([]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(4000));
    expect(proxy.connections).toBeLessThan(40);
  });

  it("where the node has forgotten the statement", async () => {
    const { writer, proxy, name, statement, retries } = await faulty();
    const extra = Buffer.concat([Buffer.from([0, statement.id.length]), statement.id]);
    proxy.spoil = ({ number }) => (number < 4 ? { code: 0x2500, message: "unprepared", extra } : undefined);
    expect(await writer.write(blockOf(statement, rowsOf(500, 5)))).toEqual([]);
    expect(retries).toEqual([]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(500));
  });

  it("where only smaller batches pass", async () => {
    const { writer, proxy, name, statement } = await faulty();
    // A batch's number of rows stands behind its header and its type.
    proxy.spoil = ({ kind, frame }) => (kind === "batch" && frame.readUInt16BE(10) > 3 ? TOO_LARGE : undefined);
    expect(await writer.write(blockOf(statement, rowsOf(90, 2)))).toEqual([]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(90));
  });
});

describe("the requests in flight", () => {
  it("become fewer where the node says that it is overloaded", async () => {
    const { writer, proxy, name, statement, retries } = await faulty();
    proxy.spoil = ({ inFlight }) => (inFlight >= 3 ? OVERLOADED : undefined);
    const rows = rowsOf(4000, 100);
    const results: Promise<unknown>[] = [];
    for (let i = 0; i < rows.length; i += 1000) {
      await writer.room();
      results.push(writer.write(blockOf(statement, rows.slice(i, i + 1000))));
    }
    expect((await Promise.all(results)).flat()).toEqual([]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(4000));
    // A window that did not follow would lose four of five requests, again and again.
    expect(retries.length).toBeGreaterThan(0);
    expect(retries.length).toBeLessThan(proxy.requests.length / 2);
  });
});

describe("a row that the server fails on while it takes others", () => {
  it("is refused alone", async () => {
    const { writer, proxy, name, statement } = await faulty();
    const poison = Buffer.concat([int(4), int(123)]);
    proxy.spoil = ({ frame }) => (frame.includes(poison) ? SERVER_ERROR : undefined);
    let settled = false;
    const first = writer.write(blockOf(statement, rowsOf(400, 4))).finally(() => {
      settled = true;
    });
    while (!settled) await writer.write(blockOf(statement, rowsOf(4, 4)));
    const reason = "java.lang.NullPointerException";
    expect(await first).toEqual([{ row: 123, kind: "refused", reason, code: 0 }]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual(upTo(400).filter((v) => v !== 123));
  });
});

describe("what can't be repeated", () => {
  const counters: Setup = {
    columns: "k int, c int, n counter, PRIMARY KEY (k, c)",
    cql: (name) => `UPDATE ${name} SET n = n + ? WHERE k = ? AND c = ?`,
    keys: [1],
    kind: "counter",
  };
  const counts = (count: number): Value[][] => upTo(count).map((i) => [bigint(1n), int(0), int(i)]);

  it.each<[string, Fault]>([
    ["timed out", timeout(true, "COUNTER")],
    ["met an overload", { ...(OVERLOADED as object), after: true } as Fault],
    ["lost its connection", "close"],
  ])("a counter's addition that %s is in doubt, and sent once", async (_, fault) => {
    const { writer, proxy, statement } = await faulty(counters);
    proxy.spoil = () => fault;
    const rejections = await writer.write(blockOf(statement, counts(3)));
    expect(rejections.map(({ row, kind }) => [row, kind])).toEqual([0, 1, 2].map((row) => [row, "in doubt"]));
    expect(proxy.requests).toHaveLength(1);
  });

  it("a counter's addition that was not begun is sent again", async () => {
    const { writer, proxy, name, statement } = await faulty(counters);
    proxy.spoil = ({ number }) => [UNAVAILABLE, TOO_LARGE][number];
    expect(await writer.write(blockOf(statement, counts(5)))).toEqual([]);
    const { rows } = await serverRows(address.host, address.port, `SELECT n FROM ${name}`);
    expect(rows.map(([n]) => n!.readBigInt64BE())).toEqual([1n, 1n, 1n, 1n, 1n]);
  });

  it("a conditional statement that timed out is in doubt; the next of its partition follows", async () => {
    const { writer, proxy, name, statement } = await faulty({
      cql: (table) => `INSERT INTO ${table} (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS`,
      kind: "conditional",
    });
    proxy.spoil = ({ number }) => (number === 0 ? timeout(true, "CAS") : undefined);
    const rejections = await writer.write(blockOf(statement, rowsOf(3, 1)));
    expect(rejections).toEqual([
      { row: 0, kind: "in doubt", reason: expect.stringContaining("timeout"), code: 0x1100 },
    ]);
    expect(proxy.requests.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
    expect(await numbers(`SELECT v FROM ${name}`)).toEqual([0, 1, 2]);
  });
});

describe("lists", () => {
  const lists: Setup = {
    columns: "k int PRIMARY KEY, l list<int>",
    cql: (name) => `INSERT INTO ${name} (k, l) VALUES (?, ?) USING TIMESTAMP ?`,
  };
  const list = Buffer.concat([int(1), int(4), int(9)]);
  const rows = [0, 1, 2].map((k) => [int(k), list, bigint(1600n + 16n * BigInt(k))]);
  const heldBy = async (name: string) => (await serverRows(address.host, address.port, `SELECT l FROM ${name}`)).rows;

  it("are not doubled: a repetition has a later timestamp, made known before", async () => {
    const begun: string[] = [];
    const rising = (proxy: FaultyProxy) => ({
      parameter: 2,
      attempts: 16,
      begin: async (attempt: number) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        begun.push(`attempt ${attempt} after ${proxy.requests.length} requests`);
      },
    });
    const { writer, proxy, name, statement } = await faulty({ ...lists, rising });
    proxy.spoil = ({ number }) => (number < 2 ? timeout(true) : undefined);
    expect(await writer.write(blockOf(statement, rows))).toEqual([]);
    expect(begun).toEqual(["attempt 1 after 1 requests", "attempt 2 after 2 requests"]);
    expect(await heldBy(name)).toEqual([[list], [list], [list]]);
  });

  it("would be doubled by a repetition with the same timestamp", async () => {
    const { writer, proxy, name, statement } = await faulty(lists);
    proxy.spoil = ({ number }) => (number < 1 ? timeout(true) : undefined);
    await writer.write(blockOf(statement, rows.slice(0, 1)));
    expect(await heldBy(name)).toEqual([[Buffer.concat([int(2), int(4), int(9), int(4), int(9)])]]);
  });

  it("end the writing where timestamps have no room for another attempt", async () => {
    const rising = () => ({ parameter: 2, attempts: 2, begin: async () => undefined });
    const { writer, proxy, statement } = await faulty({ ...lists, rising });
    proxy.spoil = () => timeout(true);
    await expect(writer.write(blockOf(statement, rows))).rejects.toThrow("tried 2 times");
    expect(proxy.requests).toHaveLength(2);
  });
});

describe("the writing ends", () => {
  it("where a write fails for longer than is allowed, for all that is under way and all that follows", async () => {
    const { writer, proxy, statement } = await faulty({ options: { patienceMs: 300 } });
    proxy.spoil = () => UNAVAILABLE;
    const results = [writer.write(blockOf(statement, rowsOf(10, 2))), writer.write(blockOf(statement, rowsOf(10, 2)))];
    for (const result of results) await expect(result).rejects.toThrow(ClusterError);
    await expect(writer.room()).rejects.toThrow(/writing .*not enough replicas/i);
    await expect(writer.write(blockOf(statement, rowsOf(1, 1)))).rejects.toThrow(ClusterError);
  });

  it("at once where the role may not write", async () => {
    const { writer, proxy, statement } = await faulty();
    const message = "User reader has no MODIFY permission on <table ks.t> or any of its parents";
    proxy.spoil = () => ({ code: 0x2100, message });
    const failure = await writer.write(blockOf(statement, rowsOf(10, 2))).catch((error) => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(failure.hint).toBe("ask for the permission MODIFY on it");
  });

  it("with the first failure after it was stopped; what is under way is still written", async () => {
    const stop = new AbortController();
    const { writer, proxy, statement } = await faulty({ options: { signal: stop.signal } });
    expect(await writer.write(blockOf(statement, rowsOf(10, 2)))).toEqual([]);
    stop.abort(new Error("stopped by the user"));
    expect(await writer.write(blockOf(statement, rowsOf(10, 2)))).toEqual([]);
    proxy.spoil = () => OVERLOADED;
    await expect(writer.write(blockOf(statement, rowsOf(10, 2)))).rejects.toThrow("stopped by the user");
  });

  it("when it is stopped while a failed write waits for its next attempt", async () => {
    const stop = new AbortController();
    const { writer, proxy, statement } = await faulty({ options: { signal: stop.signal } });
    proxy.spoil = () => OVERLOADED;
    const result = writer.write(blockOf(statement, rowsOf(10, 1)));
    setTimeout(() => stop.abort(new Error("stopped by the user")), 200);
    await expect(result).rejects.toThrow("stopped by the user");
  });
});
