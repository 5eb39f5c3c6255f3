/*
 * Owns the test that sends random tables there and back, some in `npm test` and many in `npm run test:random`.
 * CQLDUCK_RANDOM_SEED=17 repeats one.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { isBefore, serverVersion } from "../cluster/cql.ts";
import { testClient, testKeyspace } from "../cluster/support.ts";
import { randomTrip } from "./trip.ts";

const MOST_FAILURES = 5;

/** One test, of the seeds from `first` on. */
export function testRandomTrips(first: number, count: number): void {
  const { CQLDUCK_RANDOM_SEED: only } = process.env;
  const seeds = only === undefined ? Array.from({ length: count }, (_, i) => first + i) : [Number(only)];

  it(`random tables come back as they were, seeds ${seeds[0]} to ${seeds.at(-1)}`, { timeout: 3_600_000 }, async () => {
    const { host, port } = inject("cassandra");
    const client = await testClient();
    const keyspace = await testKeyspace(client, "random");
    const directory = await mkdtemp(join(tmpdir(), "cqlduck-random-"));
    const hasVectors = !isBefore(await serverVersion(client), "5.0");
    const failures: string[] = [];
    let rows = 0;
    try {
      for (const seed of seeds) {
        await randomTrip({ client, host, port, keyspace, directory, hasVectors }, seed).then(
          (count) => {
            rows += count;
          },
          (error: Error) => failures.push(error.message),
        );
        if (failures.length >= MOST_FAILURES) break;
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    expect(failures.join("\n\n")).toBe("");
    if (only === undefined) expect(rows).toBeGreaterThan(0);
  });
}
