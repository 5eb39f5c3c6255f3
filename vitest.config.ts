/*
 * Four projects: `unit` needs nothing but this repository, `cluster` starts a real Cassandra (test/cluster/setup.ts), and so
 * do `spark`, whose reader takes long to install and to start, and `random`, which has many tables to make. `npm test` runs
 * the first two, `npm run test:readers` and `npm run test:random` the others.
 * One of them alone: vitest --project unit
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/cluster/**", "test/spark/**", "test/random/**"],
          // A busy machine is no failure.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          globalSetup: "test/cluster/setup.ts",
          pool: "forks",
          // Each test file may start a cluster of its own, 400 MB a node.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 240_000,
          // Vitest wants projects with their own number of workers to run one after the other.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "random",
          include: ["test/random/**/*.test.ts"],
          globalSetup: "test/cluster/setup.ts",
          pool: "forks",
          maxWorkers: 1,
          hookTimeout: 240_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "spark",
          include: ["test/spark/**/*.test.ts"],
          globalSetup: "test/cluster/setup.ts",
          pool: "forks",
          // Each file has a Spark of its own.
          maxWorkers: 1,
          hookTimeout: 240_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
