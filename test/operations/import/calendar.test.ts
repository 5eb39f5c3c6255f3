import { describe, expect, it } from "vitest";
import type { FileType } from "../../../src/duckdb/filetypes.ts";
import { oldCalendarOf, rebased } from "../../../src/operations/import/calendar.ts";
import { ask } from "../../cluster/parquet.ts";

const DATE: FileType = { kind: "SIMPLE", name: "DATE" };
const INSTANT: FileType = { kind: "SIMPLE", name: "TIMESTAMPTZ" };
const UTC = { dates: true, int96: true, zone: "UTC" };
const DAY_MS = 86_400_000;

/** What the days since 1970 of the Julian calendar are called, in the calendar of today: by counting its years. */
function julianName(days: number): string {
  // The first day of year 1 there; every four years are as long.
  const since = days + 719_164;
  let left = since % 1461;
  let year = 1 + 4 * Math.floor(since / 1461);
  const yearDays = () => (year % 4 === 0 ? 366 : 365);
  for (; left >= yearDays(); year++) left -= yearDays();
  const months = [31, year % 4 === 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  let month = 0;
  for (; left >= months[month]!; month++) left -= months[month]!;
  return `${String(year).padStart(4, "0")}-${String(month + 1).padStart(2, "0")}-${String(left + 1).padStart(2, "0")}`;
}

describe("dates of the old calendar", () => {
  it("keep their names, or are the next day where today's has no such day", { timeout: 30_000 }, async () => {
    const { sql } = rebased(UTC, "d", DATE, ["INT32"])!;
    const first = -719_164;
    // All days around those on which the two move apart.
    const found = await ask(
      `SELECT i::INT AS i, (${sql})::VARCHAR AS name FROM (SELECT i, DATE '1970-01-01' + i::INT AS d FROM range(${first}, -141400) r(i)) WHERE month(d) IN (2, 3) OR day(d) = 1`,
    );
    const wrong = found.filter(({ i, name }) => {
      const days = Number(i);
      if (days >= -141_427) return name !== new Date(days * DAY_MS).toISOString().slice(0, 10);
      const julian = julianName(days);
      const [year = 0, rest] = [Number(julian.slice(0, 4)), julian.slice(5)];
      const hasDay = rest !== "02-29" || year % 100 !== 0 || year % 400 === 0;
      return name !== (hasDay ? julian : `${julian.slice(0, 4)}-03-01`);
    });
    expect(found.length).toBeGreaterThan(100_000);
    expect(wrong).toEqual([]);
  });

  it("are found wherever they are, and nothing else is touched", async () => {
    const text: FileType = { kind: "SIMPLE", name: "VARCHAR" };
    expect(rebased(UTC, "x", text, ["BYTE_ARRAY"])).toBeUndefined();
    const plain: FileType = { kind: "SIMPLE", name: "TIMESTAMP" };
    expect(rebased(UTC, "x", plain, ["INT64"])).toBeUndefined();
    expect(rebased({ ...UTC, int96: false }, "x", plain, ["INT96"])).toBeUndefined();
    const type: FileType = {
      kind: "STRUCT",
      fields: [
        { name: "a'b", type: { kind: "LIST", child: { kind: "MAP", key: DATE, value: text } } },
        { name: "t", type: plain },
        { name: "u", type: INSTANT },
      ],
    };
    const { sql } = rebased(UTC, "x", type, ["INT32", "BYTE_ARRAY", "INT96", "INT64"])!;
    const [{ told, none } = {}] = await ask(
      `SET TimeZone = 'UTC'; SELECT (${sql})::VARCHAR AS told, ${sql.replaceAll(/\bx\b/g, "nothing")} AS none
       FROM (SELECT {'a''b': [MAP {DATE '1500-03-11': 'v'}, NULL, MAP {}],
         't': TIMESTAMP '1000-03-07 01:02:03.000004', 'u': TIMESTAMPTZ '1582-10-14 23:59:59.999Z'} AS x,
         NULL::STRUCT("a'b" MAP(DATE, VARCHAR)[], t TIMESTAMP, u TIMESTAMPTZ) AS nothing)`,
    );
    expect(none).toBeNull();
    expect(told).toContain("[{1500-03-01=v}, NULL, {}]");
    expect(told).toContain("1000-03-01 01:02:03.000004");
    expect(told).toContain("1582-10-04 23:59:59.999+00");
  });
});

it.each([
  [{}, undefined],
  [{ version: "3.0.0" }, { dates: false, int96: true, zone: undefined }],
  [{ version: "3.1.0" }, undefined],
  [{ version: "4.1.1", timeZone: "UTC" }, undefined],
  [
    { version: "4.1.1", legacyDateTime: "", timeZone: "UTC" },
    { dates: true, int96: false, zone: "UTC" },
  ],
  [
    { version: "4.1.1", legacyINT96: "" },
    { dates: false, int96: true, zone: undefined },
  ],
  [{ version: "2.4.8" }, { dates: true, int96: true, zone: undefined }],
  [{ "sql.parquet.row.metadata": "{}" }, { dates: true, int96: true, zone: undefined }],
])("metadata of Spark's %j mean %j", (said, calendar) => {
  const keyValues = new Map(Object.entries(said).map(([key, value]) => [`org.apache.spark.${key}`, value]));
  expect(oldCalendarOf(keyValues)).toEqual(calendar);
});

it("instants of a zone are told from 1900 on", async () => {
  const type: FileType = { kind: "LIST", child: INSTANT };
  const { sql, reason } = rebased({ ...UTC, zone: "Europe/Paris" }, "x", type, ["INT64"])!.check!;
  expect(reason).toContain("Europe/Paris");
  const found = await ask(
    `SET TimeZone = 'UTC'; SELECT ${sql} AS bad FROM (VALUES ([TIMESTAMPTZ '1900-01-01 00:00:00Z', NULL]),
     ([TIMESTAMPTZ '2024-01-01 00:00:00Z', TIMESTAMPTZ '1899-12-31 23:59:59.999999Z']), (NULL), ([])) r(x)`,
  );
  expect(found.map(({ bad }) => bad)).toEqual([false, true, false, false]);
});
