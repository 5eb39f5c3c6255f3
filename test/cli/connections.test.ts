import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ExportOptions, ResumeOptions } from "../../src/operations/options.ts";
import { cqlduck, REPORT } from "./world.ts";

let home: string;
let env: Record<string, string>;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cqlduck-connections-"));
  env = { HOME: home };
});
afterEach(() => rmSync(home, { recursive: true }));

/** Writes a file below the home directory, for its owner only. */
function file(name: string, text: string, mode = 0o600): string {
  const path = join(home, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const USER_CONFIG = ".config/cqlduck/cqlduck.toml";
const run = (flags = "", more: Record<string, string> = {}) =>
  cqlduck(["export", "ks.t", "out", ...flags.split(" ").filter((word) => word !== "")], { env: { ...env, ...more } });

async function connection(flags = "", more: Record<string, string> = {}) {
  const { asked, stderr, code } = await run(flags, more);
  expect([code, stderr.text]).toEqual([0, expect.anything()]);
  return asked?.connection;
}

async function refusal(flags = "", more: Record<string, string> = {}) {
  const { code, asked, stderr } = await run(flags, more);
  expect([code, asked]).toEqual([2, undefined]);
  return stderr.text;
}

describe("TLS options", () => {
  it("are off unless said, and verify when on", async () => {
    expect((await connection())?.tls).toBeUndefined();
    expect((await connection("--tls"))?.tls).toMatchObject({ ca: undefined, verify: true });
    expect((await connection("", { CQLDUCK_TLS: "1" }))?.tls).toMatchObject({ verify: true });
  });

  it("mean TLS by themselves, with paths that hold wherever a job is resumed", async () => {
    const { tls } = (await connection("--tls-ca ca.pem --tls-cert /c.pem --tls-key /k.pem"))!;
    expect(tls).toEqual({ ca: join(process.cwd(), "ca.pem"), cert: "/c.pem", key: "/k.pem", verify: true });
    expect((await connection("--tls-ca /ca.pem", { CQLDUCK_TLS: "0" }))?.tls).toBeDefined();
    expect((await connection("", { CQLDUCK_TLS: "0", CQLDUCK_TLS_CA: "/ca.pem" }))?.tls).toBeUndefined();
    expect((await connection("", { CQLDUCK_TLS_NO_VERIFY: "0" }))?.tls).toBeUndefined();
  });

  it("that don't verify are said loudly each time, whatever is quiet", async () => {
    for (const [flags, more, name] of [
      ["--tls-no-verify -q", {}, "--tls-no-verify"],
      ["--progress none", { CQLDUCK_TLS_NO_VERIFY: "1" }, "CQLDUCK_TLS_NO_VERIFY"],
    ] as const) {
      const { asked, stderr } = await run(flags, more);
      expect(asked?.connection.tls).toMatchObject({ verify: false });
      expect(stderr.lines[0]).toMatch(new RegExp(`^warning: ${name}: .*NOT verified`));
    }
  });
});

describe("a bundle", () => {
  it("stands in place of hosts and certificates", async () => {
    expect(await connection("--bundle /b.zip -u token", { CQLDUCK_PASSWORD: "p" })).toMatchObject({
      bundle: "/b.zip",
      hosts: [],
      tls: undefined,
      username: "token",
    });
    expect(await connection("--bundle /b.zip", { CQLDUCK_HOST: "n1", CQLDUCK_TLS_CA: "/x" })).toMatchObject({
      hosts: [],
      tls: undefined,
    });
    expect(await connection("-H n1", { CQLDUCK_BUNDLE: "/b.zip" })).toMatchObject({ hosts: ["n1"], bundle: undefined });
  });

  it("bears no others beside it", async () => {
    expect(await refusal("--bundle b.zip -H n1")).toMatch(/^error: --bundle and --host both say where/);
    expect(await refusal("--bundle b.zip --tls-ca x")).toMatch(/^error: --bundle brings its own .*--tls-ca/);
  });
});

describe("cqlduck.toml", () => {
  const CONFIG = `
default = "prod"
[connections.prod]
host = ["n1", "n2:9043"]
dc = "dc1"
username = "reader"
password = "geheim"
tls-ca = "certs/ca.pem"
request-timeout = "30s"
page-size = 500
uuid = "native"
dry-run = false
[connections.test]
host = "localhost"
tls = true
tls-cert = "~/c.pem"
tls-key = "/k.pem"
`;

  it("gives the default connection, or the one that is named", async () => {
    const directory = join(home, ".config/cqlduck");
    file(USER_CONFIG, CONFIG);
    const { asked, stderr } = await run("--progress none");
    expect(asked).toMatchObject({
      connection: {
        hosts: ["n1", "n2:9043"],
        dataCenter: "dc1",
        username: "reader",
        password: "geheim",
        tls: { ca: join(directory, "certs/ca.pem"), verify: true },
        requestTimeoutMs: 30_000,
        consistency: "LOCAL_QUORUM",
      },
      pageSize: 500,
      uuid: "native",
    });
    expect(stderr.text).not.toMatch(/warning|geheim/);
    const test = { hosts: ["localhost"], username: undefined, tls: { cert: join(home, "c.pem"), key: "/k.pem" } };
    expect(await connection("--connection test")).toMatchObject(test);
    expect(await connection("", { CQLDUCK_CONNECTION: "test" })).toMatchObject(test);
  });

  it("gives way to flags and the environment", async () => {
    file(USER_CONFIG, CONFIG);
    const { asked } = await run("-H n9 --page-size 7", { CQLDUCK_UUID: "text", CQLDUCK_PASSWORD: "other" });
    expect(asked).toMatchObject({
      connection: { hosts: ["n9"], dataCenter: "dc1", password: "other" },
      pageSize: 7,
      uuid: "text",
    });
  });

  it("keeps its password for its own user", async () => {
    file(USER_CONFIG, CONFIG);
    expect(await refusal("-u admin")).toMatch(/no password for admin/);
  });

  it("is where --config or XDG_CONFIG_HOME says", async () => {
    const path = file("elsewhere/x.toml", '[connections.a]\nhost = "a"\nusername = "u"\npassword-file = "pw"\n');
    file("elsewhere/pw", "secret\n");
    expect(await connection(`--config ${path} --connection a`)).toMatchObject({ hosts: ["a"], password: "secret" });
    file("xdg/cqlduck/cqlduck.toml", '[connections.a]\nhost = "x"\n');
    expect(await connection("--connection a", { XDG_CONFIG_HOME: join(home, "xdg") })).toMatchObject({ hosts: ["x"] });
  });

  it("that others can read is warned of where it holds a password, and quiet is quiet", async () => {
    file(USER_CONFIG, CONFIG, 0o644);
    expect((await run()).stderr.text).toMatch(/^warning: .*cqlduck\.toml holds a password.*chmod 600/m);
    expect((await run("-q")).stderr.text).toBe("");
    expect((await run("--connection test")).stderr.text).not.toMatch(/warning/);
    const pw = file("pw", "secret", 0o644);
    expect((await run(`-u me --password-file ${pw}`)).stderr.text).toMatch(/^warning: .*pw holds a password/m);
  });

  it.each([
    ["hots = 1", /\[connections\.a\]: unknown key hots\nhint: did you mean host\?/],
    ["tls_ca = 'x'", /unknown key tls_ca\nhint: did you mean tls-ca\?/],
    ["debug = true", /unknown key debug\nhint: it can only be typed/],
    ["config = 'x'", /unknown key config/],
    ["host = n1", /cqlduck\.toml, line 3, column 8: /],
    ["host = 'n1:x'", /^error: .*cqlduck\.toml: \[connections\.a\] host: "n1:x": a port is a number/],
    ["host = []", /\[connections\.a\] host: it is a text or a list/],
    ["tls = 'yes'", /\[connections\.a\] tls: it is true or false/],
    ["dc = true", /\[connections\.a\] dc: it is a text or a number/],
    ["limit = 'many'", /\[connections\.a\] limit: "many" isn't a count/],
    ["password = 1", /\[connections\.a\] password: it is a text/],
    ["password = 'x'\npassword-file = 'y'", /\[connections\.a\] password: there is a password-file as well/],
    ["bundle = 'b'\nhost = 'n1'", /\[connections\.a\] bundle and .*\[connections\.a\] host both say/],
  ])("is checked: %s", async (line, says) => {
    file(USER_CONFIG, `default = "a"\n[connections.a]\n${line}\n`);
    expect(await refusal()).toMatch(says);
  });

  it.each([
    ["conections = 1", "", /cqlduck\.toml: unknown key conections\nhint: did you mean connections\?/],
    ["connections = 1", "", /connections is not a table/],
    ["default = 1", "", /default: it is the name/],
    ['default = "b"\n[connections.a]', "", /cqlduck\.toml: default: there is no connection b\nhint: in .*: a$/m],
    [
      "[connections.prod]",
      "--connection prd",
      /^error: --connection: there is no connection prd\nhint: did you mean prod/,
    ],
    ["", "--connection a", /hint: in .*cqlduck\.toml is no \[connections/],
    ["", "--config /nonexistent.toml", /the config file: can't read \/nonexistent\.toml/],
  ])("is checked as a whole: %s %s", async (text, flags, says) => {
    file(USER_CONFIG, text);
    expect(await refusal(flags)).toMatch(says);
  });

  it("must be there for a connection", async () => {
    expect(await refusal("--connection a")).toMatch(/there is no config file: looked for cqlduck\.toml and /);
  });
});

describe("cqlshrc", () => {
  const RC = `; cqlsh's
[authentication]
username = fred
password = !!bang!!$ #1 %s

[connection]
hostname = 10.0.0.1
port : 9142
SSL = true
timeout = 10

[ssl]
certfile = ~/keys/ca.pem
userkey = ~/key.pem
usercert = ~/cert.pem
`;

  it("is read where cqlsh has it", async () => {
    file(".cassandra/cqlshrc", RC);
    const { asked, stderr } = await run("--progress none");
    expect(asked?.connection).toMatchObject({
      hosts: ["10.0.0.1:9142"],
      username: "fred",
      password: "!!bang!!$ #1 %s",
      tls: { ca: join(home, "keys/ca.pem"), cert: join(home, "cert.pem"), key: join(home, "key.pem"), verify: true },
    });
    expect(stderr.text).not.toMatch(/warning/);
  });

  it("is the weakest source", async () => {
    file(".cassandra/cqlshrc", RC);
    file(USER_CONFIG, '[connections.a]\nhost = "n1"\nusername = "fred"\npassword = "other"\n');
    expect(await connection("--connection a")).toMatchObject({ hosts: ["n1"], password: "other", tls: {} });
    expect(await connection("", { CQLDUCK_TLS: "0" })).toMatchObject({ hosts: ["10.0.0.1:9142"], tls: undefined });
    expect(await connection("--cqlshrc /dev/null")).toMatchObject({ hosts: ["127.0.0.1:9042"], username: undefined });
  });

  it("has certificates for --tls where it doesn't say ssl = true", async () => {
    const path = file("rc", RC.replace("SSL = true", ""));
    expect((await connection(`--cqlshrc ${path}`))?.tls).toBeUndefined();
    expect((await connection(`--cqlshrc ${path} --tls`))?.tls).toMatchObject({ ca: join(home, "keys/ca.pem") });
  });

  it("may not verify, which is said", async () => {
    const path = file("rc", RC.replace("[ssl]", "[ssl]\nvalidate = False"));
    const { asked, stderr } = await run(`--cqlshrc ${path} -q`);
    expect(asked?.connection.tls).toMatchObject({ verify: false });
    expect(stderr.text).toMatch(/^warning: .*rc: \[ssl\] validate: .*NOT verified/);
  });

  it("has certificates by host, and its port alone", async () => {
    const path = file("rc", `${RC}[certfiles]\n10.0.0.1 = /other.pem\n`);
    expect((await connection(`--cqlshrc ${path}`))?.tls).toMatchObject({ ca: "/other.pem" });
    expect(await connection(`--cqlshrc ${file("p", "[connection]\nport = 9999")}`)).toMatchObject({
      hosts: ["127.0.0.1:9999"],
    });
    expect(await connection(`--cqlshrc ${file("v6", "[connection]\nhostname = ::1\nport = 9999")}`)).toMatchObject({
      hosts: ["[::1]:9999"],
    });
  });

  it.each(["PlainTextAuthProvider", "plain_text_auth"])("names a credentials file, with [%s]", async (section) => {
    const text = `[${section}]\nusername = ann\npassword = secret\n`;
    file("cred", text, 0o644);
    const path = file("rc", "[authentication]\ncredentials = ~/cred\nusername = fred\npassword = x\n");
    const { asked, stderr } = await run(`--cqlshrc ${path}`);
    expect(asked?.connection).toMatchObject({ username: "ann", password: "secret" });
    expect(stderr.text).toMatch(/^warning: .*cred holds a password/m);
    file(".cassandra/credentials", text);
    file(".cassandra/cqlshrc", "[connection]\nhostname = n1\n");
    expect(await connection()).toMatchObject({ hosts: ["n1"], username: "ann", password: "secret" });
  });

  it("keeps its password for its own user, and asks like any other for one without", async () => {
    file(".cassandra/cqlshrc", RC);
    expect(await refusal("-u admin")).toMatch(/no password for admin/);
    file(".cassandra/cqlshrc", "[authentication]\nusername = fred\n");
    expect(await refusal()).toMatch(/no password for fred/);
  });

  it.each([
    ["rubbish", /rc, line 1: neither a \[section\] nor a key = value/],
    ["[connection]\nssl = maybe", /rc: \[connection\] ssl: "maybe" is neither true nor false/],
    ["[connection]\nhostname = n1\nport = x", /rc: \[connection\] hostname: "n1:x": a port/],
    ["[authentication]\ncredentials = /nonexistent", /credentials: can't read \/nonexistent/],
  ])("is checked: %s", async (text, says) => {
    expect(await refusal(`--cqlshrc ${file("rc", text)}`)).toMatch(says);
  });

  it("must be there where it is named", async () => {
    expect(await refusal("--cqlshrc /nonexistent")).toMatch(/cqlshrc: can't read \/nonexistent/);
  });
});

describe("resume", () => {
  it("keeps the hosts it was begun with, and takes the password from where it was", async () => {
    file(
      USER_CONFIG,
      'default = "a"\n[connections.a]\nhost = "n1"\nusername = "u"\npassword = "p"\ntls-ca = "/ca"\ntype = "x=INT"\n',
    );
    const asked: ResumeOptions[] = [];
    const before = { connection: { hosts: ["n9"], username: "u", tls: { verify: false } } } as unknown as ExportOptions;
    const resume = async (...flags: string[]) => {
      const resumeExport = async (options: ResumeOptions) => {
        asked.push(options);
        return REPORT;
      };
      const loadResume = async () => ({
        findUnfinishedImport: async () => undefined,
        findUnfinished: async () => before,
        resumeExport,
        listJobs: async () => [],
      });
      const { code, stderr } = await cqlduck(["resume", "job", ...flags], { env, world: { loadResume } });
      expect(code).toBe(0);
      return stderr.text;
    };
    expect(await resume()).toMatch(/^warning: --tls-no-verify: .*NOT verified/);
    expect(asked[0]).toMatchObject({
      connection: { hosts: undefined, tls: undefined, password: "p" },
      types: new Map(),
    });
    expect(await resume("--connection", "a")).not.toMatch(/warning/);
    expect(asked[1]).toMatchObject({ connection: { hosts: ["n1"], tls: { ca: "/ca" }, password: "p" } });
  });
});
