import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CannotConcat } from "../../src/parquet/footer.ts";
import { footerWithNanos } from "../../src/parquet/nanos.ts";
import { ask } from "../cluster/parquet.ts";
import { NANOS_OF_DAY } from "../foreign/nanosofday.ts";

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "cqlduck-nanos-")), "x.parquet");
});
afterEach(() => rm(join(path, ".."), { recursive: true }));

test("a time in UTC and nanoseconds is said to have no zone", async () => {
  await writeFile(path, NANOS_OF_DAY);
  const { at, bytes } = (await footerWithNanos(path, true))!;
  const changed = Buffer.concat([NANOS_OF_DAY.subarray(0, at), bytes]);
  await writeFile(path, changed);
  const [logical] = await ask(`SELECT logical_type AS type FROM parquet_schema('${path}') WHERE name = 'tm'`);
  expect(logical?.type).toMatch(/^TimeType\(isAdjustedToUTC=0.*NanoSeconds/);
  expect(await ask(`SELECT tm::VARCHAR AS tm FROM '${path}'`)).toEqual([{ tm: "23:59:59.999999999" }]);
});

test("files that DuckDB reads exactly are left as they are", async () => {
  await ask(
    `COPY (SELECT now() AS a, make_timestamp_ns(1) AS b, [TIME_NS '00:00:00.000000001'] AS c, TIME '01:00' AS d, {'x': 1} AS e) TO '${path}'`,
  );
  expect(await footerWithNanos(path, true)).toBeUndefined();
});

test("no Parquet file", async () => {
  await writeFile(path, NANOS_OF_DAY.subarray(0, -1));
  await expect(footerWithNanos(path, true)).rejects.toBeInstanceOf(CannotConcat);
});
