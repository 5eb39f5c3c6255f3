import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Metrics } from "../../src/cli/metrics.ts";
import { ClusterError, InterruptedError, UsageError } from "../../src/index.ts";
import { cqlduck, PROGRESS, REPORT } from "./world.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cqlduck-outlets-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What came to the address, and with what it is answered, in turn; the last answer stays. */
const hook = { url: "", got: [] as { method: string; auth: string | undefined; body: unknown }[], answers: [200] };
const server = createServer(async (request, response) => {
  hook.got.push({ method: request.method ?? "", auth: request.headers.authorization, body: await bodyOf(request) });
  response.writeHead((hook.answers.length > 1 ? hook.answers.shift() : hook.answers[0]) ?? 200).end();
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hook.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/s3cret?token=t0ken`;
});
afterAll(() => server.close());
beforeEach(() => {
  hook.got = [];
  hook.answers = [200];
});

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const part of request) text += part;
  return JSON.parse(text);
}

const EXPORT = ["export", "ks.t", "out/"];
const failing = (error: Error) => ({ operations: { exportTable: () => Promise.reject(error) } });

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe("--report", () => {
  const file = () => join(directory, "report.json");
  const read = async () => JSON.parse(await readFile(file(), "utf8"));

  it("holds what --json prints", async () => {
    const { code, stdout } = await cqlduck([...EXPORT, "--report", file(), "--json"]);
    expect(code).toBe(0);
    expect(await read()).toEqual({ command: "export", state: "done", exitCode: 0, ...JSON.parse(stdout.text) });
    expect((await readdir(directory)).filter((name) => name.startsWith("report"))).toEqual(["report.json"]);
  });

  it("says the exit code of an import that rejected rows", async () => {
    expect((await cqlduck(["import", "x.csv", "ks.t", "--report", file()])).code).toBe(1);
    expect(await read()).toMatchObject({ command: "import", state: "done", exitCode: 1, rejected: 2000 });
  });

  it("holds the error and the command to go on with", async () => {
    const error = new ClusterError("no node answers", { hint: "start one" });
    const { code } = await cqlduck([...EXPORT, "--report", file(), "--webhook", hook.url], failing(error));
    expect(code).toBe(3);
    expect(await read()).toMatchObject({
      command: "export",
      source: "ks.t",
      destination: "out/",
      state: "failed",
      exitCode: 3,
      error: "no node answers",
      hint: "start one",
      resume: `cqlduck export ks.t out/ --report ${file()} --resume`,
    });
  });

  it("tells an interruption, and no command where nothing was begun", async () => {
    await cqlduck([...EXPORT, "--report", file()], failing(new InterruptedError("SIGTERM")));
    expect(await read()).toMatchObject({
      state: "interrupted",
      exitCode: 143,
      resume: expect.stringContaining("--resume"),
    });
    await cqlduck([...EXPORT, "--report", file()], failing(new UsageError("no such table")));
    expect(await read()).toMatchObject({ state: "failed", exitCode: 2, error: "no such table" });
    expect(await read()).not.toHaveProperty("resume");
  });

  it("refuses a place that can't be written to before anything begins", async () => {
    for (const place of [directory, join(directory, "none", "r.json")]) {
      const { code, asked, stderr } = await cqlduck([...EXPORT, "--report", place]);
      expect([code, asked, stderr.text]).toEqual([2, undefined, expect.stringContaining("error: --report: ")]);
    }
  });

  it.each([
    ["--report", ["export", "ks.t", "x.parquet"], "./x.parquet"],
    ["--metrics", ["export", "ks.t", "x.parquet"], "x.parquet"],
    ["--report", ["import", "y.json", "x.json", "ks.t"], "x.json"],
    ["--bad-rows", ["import", "x.jsonl", "ks.t"], "x.jsonl"],
  ])("refuses with %s the file of the rows: %s", async (flag, argv, place) => {
    const { code, asked, stderr } = await cqlduck([...argv, flag, place]);
    const says = `error: ${flag}: ${place} is the file of the rows, and would be written over`;
    expect([code, asked, stderr.text]).toEqual([2, undefined, expect.stringContaining(says)]);
  });

  it("stays as it is in a dry run", async () => {
    await writeFile(file(), "before");
    const port = await freePort();
    await cqlduck([...EXPORT, "--dry-run", "--report", file(), "--webhook", hook.url, "--metrics", `:${port}`]);
    expect([await readFile(file(), "utf8"), hook.got]).toEqual(["before", []]);
  });

  it("is for counts too", async () => {
    await cqlduck(["count", "ks.t", "--report", file()]);
    expect(await read()).toMatchObject({ command: "count", state: "done", rows: 1_234_567 });
  });
});

describe("--webhook", () => {
  it("is told once, with the report", async () => {
    const { code } = await cqlduck([...EXPORT, "--webhook", hook.url.replace("//", "//me:p%40ss@")]);
    expect(code).toBe(0);
    const auth = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(hook.got).toEqual([
      { method: "POST", auth, body: { command: "export", state: "done", exitCode: 0, ...REPORT } },
    ]);
  });

  it("is told of failures", async () => {
    await cqlduck([...EXPORT, "--webhook", hook.url], failing(new ClusterError("no node answers")));
    expect(hook.got).toMatchObject([{ body: { state: "failed", exitCode: 3, error: "no node answers" } }]);
  });

  it("is tried again while the other side has trouble, and no more", async () => {
    hook.answers = [500, 503, 200];
    const { code, stderr } = await cqlduck([...EXPORT, "--webhook", hook.url]);
    expect([code, hook.got.length]).toEqual([0, 3]);
    expect(stderr.text).not.toContain("warning");
  });

  it.each([
    ["gives up after three times", [500], 3, "it answered 500"],
    ["takes a refusal for what it is", [404], 1, "it answered 404"],
    ["follows no redirection", [302], 1, "it answered 302"],
  ])("%s, with a warning that keeps the secret", async (_, answers, times, reason) => {
    hook.answers = answers;
    const { code, stderr } = await cqlduck([...EXPORT, "--webhook", hook.url]);
    expect([code, hook.got.length]).toEqual([0, times]);
    const origin = new URL(hook.url).origin;
    expect(stderr.text).toContain(`warning: --webhook: could not be delivered to ${origin}/…: ${reason}`);
    expect(stderr.text).not.toMatch(/s3cret|t0ken/);
  });

  it("costs a warning where nobody listens, and changes no exit code", async () => {
    const url = `http://127.0.0.1:${await freePort()}/s3cret`;
    const failed = await cqlduck([...EXPORT, "--webhook", url], failing(new ClusterError("no node answers")));
    expect(failed.code).toBe(3);
    expect(failed.stderr.text).toContain("warning: --webhook: could not be delivered to http://127.0.0.1:");
    expect(failed.stderr.text).not.toContain("s3cret");
    expect(failed.stderr.lines.at(-1)).toBe("cqlduck export ks.t out/ --resume");
  });

  it.each(["hooks.example.com/s3cret", "ftp://example.com/s3cret", "file:///s3cret"])("refuses %s", async (url) => {
    const { code, asked, stderr } = await cqlduck([...EXPORT, "--webhook", url]);
    expect([code, asked]).toEqual([2, undefined]);
    expect(stderr.text).toMatch(/^error: --webhook: /);
    expect(stderr.text).not.toContain("s3cret");
  });
});

describe("--metrics", () => {
  const planned = {
    kind: "planned",
    source: "ks.t",
    unit: "range",
    ranges: 256,
    estimatedRows: 0,
    estimatedBytes: 0,
  } as const;

  it("are what Prometheus reads", () => {
    const metrics = new Metrics("as typed");
    expect(metrics.text()).toContain('cqlduck_state{source="as typed",state="connecting"} 1\n');
    metrics.onEvent({ ...planned, source: 'ks."T\\1"' });
    metrics.onEvent({ kind: "phase", phase: "read" });
    metrics.onEvent({ ...PROGRESS, retries: 3, failedRanges: 2 });
    metrics.ended("failed");
    const source = 'source="ks.\\"T\\\\1\\""';
    const text = metrics.text();
    for (const line of [
      "# HELP cqlduck_rows_total Rows received.\n# TYPE cqlduck_rows_total counter\n",
      `cqlduck_rows_total{${source}} 1234567`,
      `cqlduck_bytes_total{${source}} 123400000`,
      `cqlduck_ranges_done{${source}} 108`,
      `cqlduck_ranges{${source}} 256`,
      `cqlduck_segments_total{${source}} 12`,
      `cqlduck_retries_total{${source}} 3`,
      `cqlduck_failed_ranges{${source}} 2`,
      `cqlduck_errors_total{${source}} 3`,
      `cqlduck_state{${source},state="failed"} 1`,
      `cqlduck_state{${source},state="reading"} 0`,
    ]) {
      expect(text).toContain(`${line.trimEnd()}\n`);
    }
    expect(text).toMatch(/^cqlduck_seconds\{.*\} \d/m);
    expect(text).toMatch(/^cqlduck_peak_memory_bytes\{.*\} \d{7,}$/m);
    // Every line is a comment or a sample, and no family comes twice.
    expect(text.split("\n").filter((line) => !/^(# (HELP|TYPE) \w+ .+|\w+\{.*\} [\d.e+-]+|)$/.test(line))).toEqual([]);
    const types = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    expect(new Set(types).size).toBe(types.length);
  });

  it("keep the figures of one table after the other", () => {
    const metrics = new Metrics("ks");
    for (const source of ["ks.a", "ks.b"]) {
      metrics.onEvent({ ...planned, source });
      metrics.onEvent({ kind: "phase", phase: "read" });
      metrics.onEvent({ ...PROGRESS, rows: source === "ks.a" ? 10 : 20 });
    }
    expect(metrics.text()).toContain('cqlduck_rows_total{source="ks.a"} 10\ncqlduck_rows_total{source="ks.b"} 20\n');
  });

  it("stand in a file from the beginning to the end", async () => {
    const file = join(directory, "cqlduck.prom");
    let during = "";
    const { code } = await cqlduck([...EXPORT, "--metrics", file], {
      operations: {
        exportTable: async () => {
          during = await readFile(file, "utf8");
          return REPORT;
        },
      },
    });
    expect(code).toBe(0);
    expect(during).toContain('state="connecting"} 1');
    expect(await readFile(file, "utf8")).toContain('state="done"} 1');
  });

  it("are answered at a port while it runs, and no longer", async () => {
    const port = await freePort();
    const seen: string[] = [];
    const { code } = await cqlduck([...EXPORT, "--metrics", `127.0.0.1:${port}`], {
      operations: {
        exportTable: async (options) => {
          options.onEvent?.({ ...PROGRESS, rows: 77 });
          const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
          seen.push(answer.headers.get("content-type") ?? "", await answer.text());
          seen.push(String((await fetch(`http://127.0.0.1:${port}/`)).status));
          return REPORT;
        },
      },
    });
    expect(code).toBe(0);
    expect(seen).toEqual([
      "text/plain; version=0.0.4; charset=utf-8",
      expect.stringContaining('cqlduck_rows_total{source="ks.t"} 77\n'),
      "404",
    ]);
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  it("refuse a port that is taken, or is none, before anything begins", async () => {
    const taken = new URL(hook.url).port;
    for (const at of [`127.0.0.1:${taken}`, ":0", ":99999", ":"]) {
      const { code, asked, stderr } = await cqlduck([...EXPORT, "--metrics", at]);
      expect([code, asked, stderr.text]).toEqual([2, undefined, expect.stringMatching(/^error: --metrics: /)]);
    }
  });
});
