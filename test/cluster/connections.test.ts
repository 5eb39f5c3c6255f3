/*
 * Every way into a cluster, with the compiled binary: logins, TLS with right and wrong certificates, configuration
 * files, and a secure connect bundle, on real nodes.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import type { ClusterOptions } from "../../scripts/cassandra/cluster.ts";
import { runCertTool } from "../../scripts/cassandra/java.ts";
import { frontOf, relayTo, writeBundle, zip } from "./bundle.ts";
import { startOwnCluster, testClient } from "./support.ts";

let binary: string;
let directory: string;
const home = () => join(directory, "home");

beforeAll(async () => {
  binary = await ensureBinary();
  directory = mkdtempSync(join(tmpdir(), "cqlduck-connections-"));
  mkdirSync(home());
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly err: string;
}

let exports = 0;

/** Exports a small table with these flags; nothing of this machine's own configuration is read. */
function run(flags: readonly string[], env: Record<string, string> = {}, input = ""): Promise<Ended> {
  const args = ["export", "system_schema.keyspaces", `out${exports++}`, "--progress", "none", ...flags];
  const { XDG_CACHE_HOME = join(homedir(), ".cache"), PATH = "" } = process.env;
  return new Promise((resolve) => {
    const options = { cwd: directory, env: { PATH, HOME: home(), XDG_CACHE_HOME, ...env } };
    const child = execFile(binary, args, options, (_, __, err) => resolve({ code: child.exitCode ?? -1, err }));
    child.stdin?.end(input);
  });
}

async function connects(flags: readonly string[], env: Record<string, string> = {}, input = ""): Promise<string> {
  const { code, err } = await run(flags, env, input);
  expect([code, err]).toEqual([0, expect.stringMatching(/^exported \d+ rows/m)]);
  return err;
}

async function refused(code: number, says: RegExp, hint: RegExp, flags: readonly string[], env = {}): Promise<void> {
  const ended = await run(flags, env);
  expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(says)]);
  expect(ended.err).toMatch(hint);
}

const login = { CQLDUCK_USERNAME: "cassandra", CQLDUCK_PASSWORD: "cassandra" };
const secured = async (tls: NonNullable<ClusterOptions["tls"]>) => {
  const cluster = await startOwnCluster({ auth: true, tls });
  return { cluster, host: `${cluster.hosts[0]}:${cluster.port}`, tls: cluster.tls! };
};
type Secured = Awaited<ReturnType<typeof secured>>;

describe("a cluster that asks for TLS", () => {
  let at: Secured;
  beforeAll(async () => {
    at = await secured("required");
  });

  it("is told from one that doesn't", async () => {
    await refused(2, /asks for TLS$/m, /^hint: say --tls/m, ["-H", at.host], login);
    const { host, port } = inject("cassandra");
    const plain = ["-H", `${host}:${port}`, "--tls-ca", at.tls.ca];
    await refused(2, /does not speak TLS there/, /^hint: leave --tls out/m, plain);
    await refused(3, /ECONNREFUSED/, /native transport port/, ["-H", "127.0.0.1:1", "--tls-ca", at.tls.ca]);
  });

  it("must have a certificate of an authority that is trusted", async () => {
    await connects(["-H", at.host, "--tls-ca", at.tls.ca], login);
    for (const flags of [["--tls"], ["--tls-ca", at.tls.untrustedCa]]) {
      await refused(2, /comes from no authority that is trusted/, /--tls-ca/, ["-H", at.host, ...flags], login);
    }
    const both = join(directory, "both.pem");
    writeFileSync(both, readFileSync(at.tls.untrustedCa, "utf8") + readFileSync(at.tls.ca, "utf8"));
    await connects(["-H", at.host, "--tls-ca", both], login);
  });

  it("must be the host that was asked for, by address or by the name that was said", async () => {
    const relay = await relayTo(at.cluster, "127.0.0.1");
    try {
      const flags = (host: string) => ["-H", `${host}:${relay.port}`, "--tls-ca", at.tls.ca];
      const hint = /^hint: say the host by a name/m;
      await refused(2, /certificate is for another host: IP: 127\.0\.0\.1 is not/, hint, flags("127.0.0.1"), login);
      await connects(flags("localhost"), login);
    } finally {
      relay.close();
    }
  });

  it("isn't verified where that is asked for, loudly", async () => {
    const said = /^warning: --tls-no-verify: .*NOT verified/m;
    const { code, err } = await run(["-H", at.host, "--tls-no-verify", "-q"], login);
    expect([code, err]).toEqual([0, expect.stringMatching(said)]);
    const relay = await relayTo(at.cluster, "127.0.0.1");
    const anywhere = ["-H", `127.0.0.1:${relay.port}`, "--tls-no-verify"];
    expect(await connects(anywhere, login).finally(() => relay.close())).toMatch(said);
  });

  it("may be found by one of several hosts, by IPv6 too", async () => {
    const dead = ["-H", "127.0.0.1:1", "-H", "no-such-host.invalid"];
    await connects([...dead, "-H", at.host, "--tls-ca", at.tls.ca], login);
    await refused(2, /no authority that is trusted/, /--tls-ca/, [...dead, "-H", at.host, "--tls"], login);
    const relay = await relayTo(at.cluster, "::1");
    const v6 = ["-H", `[::1]:${relay.port}`, "-H", "localhost:1", "--tls-ca", at.tls.ca];
    await connects(v6, login).finally(() => relay.close());
  });

  it("takes a login from everywhere, and refuses a wrong one", async () => {
    const flags = ["-H", at.host, "--tls-ca", at.tls.ca];
    const file = join(directory, "password");
    writeFileSync(file, "cassandra\n", { mode: 0o600 });
    await connects([...flags, "-u", "cassandra", "--password-file", file]);
    await connects([...flags, "-u", "cassandra", "--password-file", "-"], {}, "cassandra\n");
    await refused(2, /asks for a user name/, /^hint: say -u/m, flags);
    await refused(2, /the login was refused/, /^hint: check -u/m, flags, { ...login, CQLDUCK_PASSWORD: "wrong" });
    await refused(2, /no password for cassandra/, /CQLDUCK_PASSWORD/, [...flags, "-u", "cassandra"]);
  });

  it("may have a certificate that has expired", async () => {
    const certs = dirname(at.tls.ca);
    const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "-1", "-out", "old.pem"];
    runCertTool("openssl", ["x509", "-req", "-in", "server.csr", "-extfile", "server.ext", ...authority], certs);
    const read = (name: string) => readFileSync(join(certs, name));
    const server = createTlsServer({ cert: read("old.pem"), key: read("server.key") }).listen(0, "127.0.0.1");
    server.on("tlsClientError", () => undefined);
    await new Promise((resolve) => server.once("listening", resolve));
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    const wrong = refused(2, /certificate has expired/, /must be renewed/, ["-H", host, "--tls-ca", at.tls.ca]);
    await wrong.finally(() => server.close());
  });

  it("is reached as cqlsh is", async () => {
    const rc = join(home(), ".cassandra", "cqlshrc");
    mkdirSync(dirname(rc));
    const connection = `[connection]\nhostname = ${at.cluster.hosts[0]}\nport = ${at.cluster.port}\nssl = true\n`;
    const text = `[authentication]\nusername = cassandra\npassword = cassandra\n${connection}[ssl]\ncertfile = ~/ca.pem\n`;
    writeFileSync(rc, text, { mode: 0o600 });
    writeFileSync(join(home(), "ca.pem"), readFileSync(at.tls.ca));
    expect(await connects([])).not.toMatch(/warning/);
    await refused(3, /127\.0\.0\.1:9042/, /./, ["--cqlshrc", "/dev/null"]);
    rmSync(dirname(rc), { recursive: true });
  });
});

describe("a cluster that takes TLS and plain connections", () => {
  let at: Secured;
  beforeAll(async () => {
    at = await secured("optional");
  });

  it("is spoken to as was said", async () => {
    await connects(["-H", at.host], login);
    await connects(["-H", at.host, "--tls-ca", at.tls.ca, "--consistency", "ONE"], login);
    await refused(2, /no authority that is trusted/, /--tls-ca/, ["-H", at.host, "--tls"], login);
  });
});

describe("a cluster that asks for its clients' certificates", () => {
  let at: Secured;
  let mutual: readonly string[];
  beforeAll(async () => {
    at = await secured("mutual");
    mutual = ["--tls-ca", at.tls.ca, "--tls-cert", at.tls.clientCert, "--tls-key", at.tls.clientKey];
  });

  it("takes its own, and no other", async () => {
    await connects(["-H", at.host, ...mutual], login);
    const asks = /asks for a client's certificate/;
    await refused(2, asks, /^hint: .*--tls-cert/m, ["-H", at.host, "--tls-ca", at.tls.ca], login);
    const foreign = ["--tls-ca", at.tls.ca, "--tls-cert", at.tls.untrustedCa, "--tls-key", at.tls.untrustedKey];
    await refused(
      2,
      /refused the TLS connection/,
      /^hint: does the cluster trust/m,
      ["-H", at.host, ...foreign],
      login,
    );
  });

  it("needs files that are what they should be", async () => {
    const key = ["--tls-key", at.tls.clientKey];
    const files = async (says: RegExp, hint: RegExp, ...flags: string[]) =>
      refused(2, says, hint, ["-H", at.host, ...flags], login);
    await files(/no key$/m, /together/, "--tls-cert", at.tls.clientCert);
    await files(/no certificate$/m, /together/, ...key);
    await files(/can't read .*: no such file/, /./, "--tls-ca", "absent.pem");
    await files(/no certificate in PEM form/, /keytool/, "--tls-ca", at.tls.trustStore);
    await files(/is not the key of/, /stands first/, "--tls-cert", at.tls.clientCert, "--tls-key", at.tls.untrustedKey);
    const locked = join(directory, "locked.pem");
    const encrypt = ["pkcs8", "-topk8", "-in", at.tls.clientKey, "-out", locked, "-passout", "pass:secret"];
    runCertTool("openssl", encrypt, directory);
    await files(/locked with a passphrase/, /openssl pkey/, "--tls-cert", at.tls.clientCert, "--tls-key", locked);
  });

  it("is a connection of the config file, in the working directory before the user's", async () => {
    const user = join(home(), ".config", "cqlduck");
    mkdirSync(user, { recursive: true });
    for (const [name, path] of [
      ["ca.pem", at.tls.ca],
      ["client.pem", at.tls.clientCert],
      ["client.key", at.tls.clientKey],
    ] as const) {
      writeFileSync(join(user, name), readFileSync(path), { mode: 0o600 });
    }
    const files = 'tls-ca = "ca.pem"\ntls-cert = "client.pem"\ntls-key = "client.key"\n';
    const text = `[connections.prod]\nhost = "${at.host}"\nusername = "cassandra"\npassword = "cassandra"\n${files}`;
    writeFileSync(join(user, "cqlduck.toml"), text, { mode: 0o600 });
    expect(await connects(["--connection", "prod"])).not.toMatch(/warning/);
    await connects([], { CQLDUCK_CONNECTION: "prod" });
    const { host, port } = inject("cassandra");
    const here = join(directory, "cqlduck.toml");
    writeFileSync(here, `default = "prod"\n[connections.prod]\nhost = "${host}:${port}"\n`);
    await connects([]);
    writeFileSync(here, 'default = "prod"\n');
    await connects([]);
    rmSync(here);
  });

  it("is reached by a secure connect bundle", async () => {
    const client = await testClient(at.cluster);
    const [row] = (await client.execute("SELECT host_id FROM system.local")).rows;
    const hostId = String(row?.["host_id"]);
    const front = await frontOf(at.cluster, hostId);
    try {
      const bundle = join(directory, "bundle.zip");
      writeBundle(bundle, at.cluster, front.port);
      await connects(["--bundle", bundle], login);
      expect(new Set(front.asked)).toEqual(new Set([hostId]));
      await refused(2, /login was refused/, /./, ["--bundle", bundle], { ...login, CQLDUCK_PASSWORD: "wrong" });
      writeBundle(bundle, at.cluster, front.port, at.tls.untrustedCa);
      await refused(2, /no authority that is trusted/, /./, ["--bundle", bundle], login);
    } finally {
      front.close();
    }
  });

  it("is told where a bundle is none", async () => {
    const bundle = join(directory, "none.zip");
    await refused(2, /--bundle: can't read .*none\.zip: no such file/, /./, ["--bundle", bundle]);
    writeFileSync(bundle, "not a zip");
    await refused(2, /none\.zip is not a zip file/, /^hint: download/m, ["--bundle", bundle]);
    writeFileSync(bundle, "PK not a zip");
    await refused(2, /none\.zip is not a secure connect bundle/, /^hint: download/m, ["--bundle", bundle]);
    writeFileSync(bundle, zip([["readme", Buffer.from("x")]]));
    await refused(2, /none\.zip is not a secure connect bundle: Config file/, /./, ["--bundle", bundle]);
    writeBundle(bundle, at.cluster, 1);
    await refused(3, /ECONNREFUSED/, /./, ["--bundle", bundle], login);
  });
});
