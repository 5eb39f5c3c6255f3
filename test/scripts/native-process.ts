/*
 * A program that does nothing but load what the binary carries: DuckDB and the Cassandra driver. Built into a binary
 * of its own it shows how unpacking and bundling fare, without any command of ours.
 */
import { messageOf } from "../../src/base/errors.ts";

async function askDuckdb(): Promise<string> {
  const { default: duckdb } = await import("@duckdb/node-bindings");
  const connection = await duckdb.connect(await duckdb.open(":memory:"));
  const result = await duckdb.query(connection, "SELECT 6 * 7");
  return `${duckdb.library_version()} ${duckdb.column_name(result, 0)}`;
}

/** What connecting to a port that nobody serves ends with: an error of the driver's own, not of a missing module. */
async function askDriver(): Promise<string> {
  const { default: cassandra } = await import("cassandra-driver");
  const client = new cassandra.Client({ contactPoints: ["127.0.0.1:1"], localDataCenter: "dc1" });
  try {
    await client.connect();
    return "connected";
  } catch (error) {
    return error instanceof cassandra.errors.NoHostAvailableError ? error.name : String(error);
  } finally {
    await client.shutdown();
  }
}

/** Whether reaching into the driver finds the very classes that its main module uses. */
async function askDriverParts(): Promise<string> {
  const { default: cassandra } = await import("cassandra-driver");
  // @ts-expect-error the driver's inner modules have no types
  const { default: errors } = await import("cassandra-driver/lib/errors.js");
  return errors === cassandra.errors ? "same" : "another";
}

const questions: Readonly<Record<string, () => Promise<string>>> = {
  duckdb: askDuckdb,
  driver: askDriver,
  parts: askDriverParts,
};

questions[process.argv[2] ?? ""]?.().then(console.log, (error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
