import { describe, expect, it } from "vitest";
import { cqlduck } from "./world.ts";

const EXPORT = ["export", "ks.t", "out/"];

/** The error line and the hint of a command that is refused. */
async function refusal(argv: readonly string[], env?: Record<string, string>) {
  const { code, stderr, stdout, asked } = await cqlduck(argv, env ? { env } : {});
  expect(code).toBe(2);
  expect(asked).toBeUndefined();
  expect(stdout.text).toBe("");
  expect(stderr.lines.length).toBeLessThanOrEqual(2);
  return stderr.text;
}

describe("export's options", () => {
  it("have the defaults that help states", async () => {
    const { code, asked } = await cqlduck(EXPORT);
    expect(code).toBe(0);
    expect(asked).toMatchObject({
      connection: { hosts: ["127.0.0.1:9042"], consistency: "LOCAL_QUORUM" },
      table: { keyspace: "ks", table: "t" },
      destination: "out/",
      writetimeSuffix: "_writetime",
      ttlSuffix: "_ttl",
      uuid: "text",
      empty: "error",
      memoryBytes: 512_000_000,
      resume: false,
      restart: false,
      overwrite: false,
      append: false,
    });
    for (const key of [
      "format",
      "compression",
      "header",
      "delimiter",
      "nullText",
      "columns",
      "writetime",
      "ttl",
      "limit",
      "rowsPerFile",
      "rowGroupRows",
      "concurrency",
      "pageSize",
      "pace",
      "rate",
      "chunkRows",
    ] as const)
      expect(asked?.[key]).toBeUndefined();
  });

  it("arrive as the values they mean", async () => {
    const flags =
      '-H n1 --host [::1]:9043 --dc dc2 --consistency local_one --request-timeout 5m --columns Id,"T" --compression zstd:9 ' +
      "--limit 50K --type Price=DECIMAL(10,2) --type b=BLOB --uuid native --empty null --page-size 1K --concurrency 8 --pace Adaptive --rate 50K --chunk-size 512 --memory 1GiB --restart " +
      "--overwrite --rows-per-file 1M --row-group-rows 100K";
    const { asked } = await cqlduck([...EXPORT, ...flags.split(" ")]);
    expect(asked).toMatchObject({
      connection: {
        hosts: ["n1", "[::1]:9043"],
        dataCenter: "dc2",
        consistency: "LOCAL_ONE",
        requestTimeoutMs: 300_000,
      },
      columns: ["id", "T"],
      compression: { codec: "zstd", level: 9 },
      limit: 50_000,
      types: new Map([
        ["price", "DECIMAL(10,2)"],
        ["b", "BLOB"],
      ]),
      uuid: "native",
      empty: "null",
      pageSize: 1000,
      concurrency: 8,
      pace: "adaptive",
      rate: 50_000,
      chunkRows: 512,
      memoryBytes: 2 ** 30,
      resume: false,
      restart: true,
      overwrite: true,
      append: false,
      rowsPerFile: 1_000_000,
      rowGroupRows: 100_000,
    });
    expect(asked?.signal).toBeInstanceOf(AbortSignal);
  });

  it.each([
    ["all", "all"],
    ["ALL", "all"],
    ['"all"', ["all"]],
    ['Id,"T"', ["id", "T"]],
  ])("take the writetimes and TTLs of %s", async (text, means) => {
    const argv = [...EXPORT, "--writetime", text, "--ttl", text, "--writetime-suffix", "@w", "--ttl-suffix", "@t"];
    const { asked } = await cqlduck(argv);
    expect(asked).toMatchObject({ writetime: means, ttl: means, writetimeSuffix: "@w", ttlSuffix: "@t" });
  });

  it("may stand before the arguments, and take one value each", async () => {
    const { asked } = await cqlduck(["export", "-H", "n1", "ks.t", "--limit=5", "out.parquet"]);
    expect(asked).toMatchObject({ connection: { hosts: ["n1"] }, limit: 5, destination: "out.parquet" });
  });

  it.each([
    ["--limit many", /^error: --limit: "many" isn't a count\nhint: .*50K/],
    ["--limit 0", /--limit/],
    ["--rows-per-file 0", /--rows-per-file/],
    ["--row-group-rows 3G", /--row-group-rows: "3G" is more than/],
    ["--overwrite --append", /--overwrite and --append are two ways.*\nhint: say one/],
    ["--memory 5XB", /--memory: "5XB" isn't a size\nhint: .*512MB/],
    ["--request-timeout 30", /--request-timeout: .*\nhint: .*30s/],
    ["--columns a,,b", /--columns/],
    ["--columns a,A", /--columns: column a .*twice/],
    ["--writetime a,,b", /--writetime: .* isn't a list of columns/],
    ["--ttl a,A", /--ttl: column a .*twice/],
    ["--ttl-suffix=", /--ttl-suffix: it is empty/],
    ["--type price", /--type: "price" isn't of the form column=value/],
    ["--type a=INT --type A=BLOB", /--type: column a has two types/],
    ["--uuid binary", /--uuid: "binary" is none of text, native/],
    ["--empty nil", /--empty/],
    ["--compression lzo", /--compression: "lzo" is none of snappy, zstd/],
    ["--compression zsdt", /hint: did you mean zstd\?/],
    ["--compression gzip:9", /only zstd has levels/],
    ["--compression zstd:23", /1 to 22/],
    ["--compression zstd:", /1 to 22/],
    ["--consistency SERIAL", /--consistency/],
    ["--consistency LOCAL_QORUM", /did you mean LOCAL_QUORUM/],
    ["--page-size 3G", /--page-size: "3G" is more than 2147483647/],
    ["--concurrency 1M", /--concurrency/],
    ["--pace fast", /--pace: "fast" is none of conservative, balanced, aggressive, adaptive/],
    ["--rate 0", /--rate: "0" isn't a count/],
    ["--chunk-size 0", /--chunk-size/],
    ["--progress dots", /--progress: "dots" is none of auto, bar, plain, json, none/],
    ["--host n1,n2", /--host: "n1,n2" isn't a host\nhint: .*-H node1 -H node2/],
    ["--host n1:99999", /a port is a number/],
    ["--host n1:", /a port is a number/],
    ["--host cassandra://n1", /isn't a host/],
    ["--host :9042", /isn't a host/],
    ["--password-file pw", /no user name\nhint: .*--username/],
    ["-u reader", /no password for reader\nhint: .*CQLDUCK_PASSWORD/],
    ["-u reader --password-file /nonexistent/pw", /can't read the password file/],
  ])("refuse %s", async (flags, says) => {
    expect(await refusal([...EXPORT, ...flags.split(" ")])).toMatch(says);
  });

  it.each(["::1", "[::1]", "[fe80::1%eth0]:9042", "10.0.0.1:9142", "node-1.example.org"])(
    "know the host %s",
    async (host) => {
      expect((await cqlduck([...EXPORT, "-H", host])).asked?.connection.hosts).toEqual([host]);
    },
  );
});

describe("the arguments of export", () => {
  it.each([
    "out",
    "out/",
    "a.b/c",
    "x.parquet",
    "out.parquet/",
    "/tmp/é.parquet",
    "csv",
    "x.csv",
    "x.json.gz",
    "x.jsonl.zst",
    "x.tsv",
    "-",
  ])("can be %s", async (path) => {
    expect((await cqlduck(["export", "ks.t", path])).asked?.destination).toBe(path);
  });

  it.each([
    ["", /destination is empty/],
    ["s3://bucket/x.parquet", /not s3:\/\/ URLs/],
    ["file:///tmp/x", /not file:\/\/ URLs/],
    ["x.csv.bz2", /does not write \.csv\.bz2\nhint: .*\.parquet, \.csv/],
    ["x.parquet.gz", /does not write \.parquet\.gz/],
    ["x.arrow.gz", /does not write \.arrow/],
    ["x.csv.GZ", /lower case/],
    ["x.PARQUET", /lower case/],
  ])("can't be %j", async (path, says) => {
    expect(await refusal(["export", "ks.t", path])).toMatch(says);
  });

  it.each([
    [["export"], /missing required argument 'ks\.table \| SELECT \| ks'\nhint: usage: cqlduck export .* <destination>/],
    [["export", "ks.t"], /missing required argument 'destination'/],
    [["export", "ks.t", "out", "more"], /too many arguments/],
    [["export", "ks.t.x", "out"], /"ks.t.x" isn't a table name/],
  ])("are checked: %j", async (argv, says) => {
    expect(await refusal(argv)).toMatch(says);
  });
});

describe("what isn't there", () => {
  it.each([
    [["exprot"], /unknown command 'exprot'\nhint: did you mean export\?/],
    [["migrate", "ks.t"], /unknown command 'migrate'\nhint: cqlduck --help lists the commands/],
    [["--nope"], /unknown option '--nope'\nhint: cqlduck --help/],
    [["--quiet", "export", "ks.t", "out"], /hint: options stand behind the command: cqlduck export --quiet/],
    [[...EXPORT, "--colums", "a"], /unknown option '--colums'\nhint: did you mean --columns\?/],
    [[...EXPORT, "--user=me"], /hint: did you mean --username\?/],
    [[...EXPORT, "--xyzzy", "a = 1"], /unknown option '--xyzzy'\nhint: cqlduck export --help lists the options/],
    [[...EXPORT, "--limit"], /'--limit <count>' argument missing/],
  ])("is a usage error: %j", async (argv, says) => {
    expect(await refusal(argv)).toMatch(says);
  });
});

describe("what is exported", () => {
  it("is a query where it begins with SELECT, a table where it has a dot, else a keyspace", async () => {
    const query = "/* mine */ select * from ks.t;";
    const { asked } = await cqlduck(["export", query, "out/"]);
    expect(asked).toMatchObject({ query, table: undefined });
    expect((await cqlduck(["export", "select.t", "out/"])).asked).toMatchObject({ table: { keyspace: "select" } });
    const all = await cqlduck(["export", '"Ks"', "out/", "--limit", "3"]);
    expect(all.asked).toMatchObject({ keyspace: "Ks", limit: 3, table: undefined, query: undefined });
    expect(all.stderr.text).toContain("exported 2 tables of ks, 200,001 rows");
  });

  it("may be the rows of a table that fulfil a condition", async () => {
    const { asked } = await cqlduck([...EXPORT, "--where", "a = 'x y' ALLOW FILTERING"]);
    expect(asked).toMatchObject({ where: "a = 'x y' ALLOW FILTERING", table: { keyspace: "ks", table: "t" } });
    expect(await refusal([...EXPORT, "--where", " "])).toMatch(/^error: --where: it is empty/);
  });

  it("is planned table by table, as one JSON object where that is asked for", async () => {
    const { stdout } = await cqlduck(["export", "ks", "out/", "--dry-run", "--json"]);
    expect(JSON.parse(stdout.text)).toMatchObject({ keyspace: "ks", tables: [{ source: "ks.t" }] });
    const text = (await cqlduck(["export", "ks", "out/", "--dry-run"])).stdout.text;
    expect(text).toMatch(/^export of ks\.t to directory out\/;[\s\S]*\nnote: views are not exported\n$/);
  });
});

describe("the environment", () => {
  const env = {
    CQLDUCK_HOST: "n1,n2:9043",
    CQLDUCK_TYPE: "a=DECIMAL(10,2),b=BLOB",
    CQLDUCK_LIMIT: "7",
    CQLDUCK_PAGE_SIZE: "100",
    CQLDUCK_RESTART: "yes",
    CQLDUCK_DC: "",
  };

  it("says what no flag says", async () => {
    const { asked } = await cqlduck(EXPORT, { env });
    expect(asked).toMatchObject({
      connection: { hosts: ["n1", "n2:9043"], dataCenter: undefined },
      types: new Map([
        ["a", "DECIMAL(10,2)"],
        ["b", "BLOB"],
      ]),
      limit: 7,
      pageSize: 100,
      resume: false,
      restart: true,
    });
  });

  it("gives way to flags, for lists as a whole", async () => {
    const { asked } = await cqlduck([...EXPORT, "-H", "n3", "--limit", "9"], { env });
    expect(asked).toMatchObject({ connection: { hosts: ["n3"] }, limit: 9, pageSize: 100 });
  });

  it("is named in errors", async () => {
    expect(await refusal(EXPORT, { CQLDUCK_LIMIT: "x" })).toMatch(/^error: CQLDUCK_LIMIT: "x" isn't a count/);
    expect(await refusal(EXPORT, { CQLDUCK_DRY_RUN: "maybe" })).toMatch(/CQLDUCK_DRY_RUN: "maybe" is neither true nor/);
  });

  it("can say no", async () => {
    expect((await cqlduck(EXPORT, { env: { CQLDUCK_RESTART: "0" } })).asked?.restart).toBe(false);
    expect((await cqlduck(EXPORT, { env: { CQLDUCK_NO_HEADER: "1" } })).asked?.header).toBe(false);
    expect((await cqlduck(EXPORT, { env: { CQLDUCK_HEADER: "0" } })).asked?.header).toBe(false);
  });

  it("gives signs as they are typed, a tab also by its escape", async () => {
    const signs = ["--delimiter", "\\t", "--quote", "'", "--escape", "\\", "--null", "", "--no-header"];
    const { asked } = await cqlduck([...EXPORT, ...signs]);
    expect(asked).toMatchObject({ delimiter: "\t", quote: "'", escape: "\\", nullText: "", header: false });
  });
});
