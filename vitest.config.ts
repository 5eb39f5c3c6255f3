/*
 * Three projects: `unit` needs nothing but this repository, `cluster` starts a real Cassandra (test/cluster/setup.ts), and
 * so does `spark`, whose reader takes long to install and to start: `npm test` runs the others, `npm run test:readers` this.
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
          exclude: ["test/cluster/**", "test/spark/**"],
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
