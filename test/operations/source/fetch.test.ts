import { describe, expect, it } from "vitest";
import { ClusterError, DataError } from "../../../src/base/errors.ts";
import type { Page, PageReader } from "../../../src/cassandra/pages.ts";
import { Pacer } from "../../../src/jobs/pace.ts";
import { type FetchOptions, fetchAll } from "../../../src/operations/source/fetch.ts";
import type { Scan } from "../../../src/operations/source/scan.ts";

/** Eight ranges of whatever `fetch` gives. */
const scan = { ranges: Array.from({ length: 8 }, () => undefined), replicas: () => [] } as unknown as Scan;

function readerOf(fetch: (from: string | null, rows: number) => Promise<Page>): PageReader {
  return { fetch: (_range: unknown, from: string | null, rows: number) => fetch(from, rows) } as unknown as PageReader;
}

function page(rows: number, next: string | null): Page {
  return { body: new Uint8Array(rows * 1000), rows, next, askedAt: 0 };
}

function options(more: Partial<FetchOptions> = {}): FetchOptions {
  return {
    pacer: new Pacer({ concurrency: 4 }),
    pageSize: 1000,
    maxRetries: 0,
    maxFailedRanges: 0,
    signal: new AbortController().signal,
    onRetry: () => undefined,
    onSetAside: () => undefined,
    onPage: async () => undefined,
    ...more,
  };
}

const all = Array.from({ length: 8 }, (_, range) => ({ range, from: null }));

describe("reading all ranges", () => {
  it("ends where nothing is left to read", async () => {
    const never = readerOf(() => Promise.reject(new Error("nobody should ask")));
    expect(await fetchAll(scan, never, [], options())).toEqual([]);
  });

  it("asks for one page before it asks for more", async () => {
    let [asked, most] = [0, 0];
    const reader = readerOf(async () => {
      asked++;
      if (most === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        most = asked;
      }
      return page(1, null);
    });
    await fetchAll(scan, reader, all, options());
    expect([most, asked]).toEqual([1, 8]);
  });

  it("gives every page of every range once, in the order of the range", async () => {
    const seen = new Map<number, (string | null)[]>();
    const reader = readerOf(async (from) => page(1, from === null ? "01" : from === "01" ? "02" : null));
    const onPage = async (range: number, from: string | null) => {
      seen.set(range, [...(seen.get(range) ?? []), from]);
    };
    await fetchAll(scan, reader, all, options({ onPage }));
    expect([...seen.values()]).toEqual(all.map(() => [null, "01", "02"]));
  });

  it("sets so many ranges aside as allowed, and fails with one more", async () => {
    const failing = (times: number) => {
      let left = times;
      return readerOf(async () => {
        if (left-- > 0) throw new ClusterError("no replica");
        return page(1, null);
      });
    };
    const told: number[] = [];
    const onSetAside = (range: number) => void told.push(range);
    const aside = await fetchAll(scan, failing(2), all, options({ maxFailedRanges: 2, onSetAside }));
    expect(aside).toHaveLength(2);
    expect(told).toEqual(aside.map(({ range }) => range));
    await expect(fetchAll(scan, failing(3), all, options({ maxFailedRanges: 2 }))).rejects.toThrow("no replica");
  });

  it("ends with what is wrong with a row, whatever is allowed to fail", async () => {
    const reader = readerOf(async () => page(1, null));
    const onPage = () => Promise.reject(new DataError("odd value"));
    await expect(fetchAll(scan, reader, all, options({ onPage, maxFailedRanges: 8 }))).rejects.toThrow("odd value");
  });
});
