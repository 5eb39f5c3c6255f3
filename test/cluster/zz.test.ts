import { it } from "vitest";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { testClient, testKeyspace } from "./support.ts";
it("tries", async () => {
  const c = await testClient(); const ks = await testKeyspace(c, "tries");
  if (process.env["NOSYNC"]) c.options.isMetadataSyncEnabled = false;
  for (const f of fixtureFiles(await serverVersion(c), false)) { const t = performance.now(); try { await loadCql(c, f, { keyspace: ks }); } catch (e) { console.log("ERR", String(e)); } console.log("ok", f, Math.round(performance.now() - t)); }
}, 60000);
