/*
 * Two projects: `unit` needs nothing but this repository, `cluster` starts a real Cassandra (test/cluster/setup.ts).
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
          exclude: ["test/cluster/**"],
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
    ],
  },
});
