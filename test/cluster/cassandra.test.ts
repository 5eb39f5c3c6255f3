import { beforeAll, describe, expect, it } from "vitest";
import type { Client } from "cassandra-driver";
import { createExtremes } from "./extremes.ts";
import { testClient, testKeyspace } from "./support.ts";

describe("a node", () => {
  let client: Client;
  let keyspace: string;
  beforeAll(async () => {
    client = await testClient();
    keyspace = await testKeyspace(client, "fixtures");
  });
  it("loads", async () => {
    const t = performance.now();
    console.log(await createExtremes(client, keyspace), performance.now() - t);
  });
});
