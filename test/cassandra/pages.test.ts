import { describe, expect, it } from "vitest";
import { indexCells, PageSizer } from "../../src/cassandra/pages.ts";

describe("the page size", () => {
  it("begins small and grows fourfold at most, to the size that was allowed", () => {
    const sizer = new PageSizer(5000);
    const sizes = [sizer.rows];
    for (let i = 0; i < 4; i++) {
      sizer.saw(sizer.rows, sizer.rows * 20);
      sizes.push(sizer.rows);
    }
    expect(sizes).toEqual([10, 40, 160, 640, 2560]);
  });

  it("never passes what was allowed, nor what was too much before", () => {
    const sizer = new PageSizer(100);
    for (let i = 0; i < 5; i++) sizer.saw(sizer.rows, sizer.rows);
    expect(sizer.rows).toBe(100);
    sizer.shrink(100);
    sizer.saw(25, 25);
    expect(sizer.rows).toBe(25);
  });

  it("falls to a quarter once for all pages that fail together", () => {
    const sizer = new PageSizer(10_000, 10_000);
    for (let lane = 0; lane < 8; lane++) sizer.shrink(10_000);
    expect(sizer.rows).toBe(2500);
    sizer.shrink(2500);
    expect(sizer.rows).toBe(625);
  });

  it("falls at once when rows turn out big", () => {
    const sizer = new PageSizer(5000);
    sizer.saw(10, 10 * 1024 * 1024);
    expect(sizer.rows).toBe(2);
    sizer.saw(2, 200 * 1024 * 1024);
    expect(sizer.rows).toBe(1);
  });

  it("learns nothing from an empty page", () => {
    const sizer = new PageSizer(5000);
    sizer.saw(0, 0);
    expect(sizer.rows).toBe(10);
  });
});

describe("the cells of a page", () => {
  it("are found column by column, nulls and empty values apart", () => {
    const body = Buffer.from("00000002aabbffffffff" + "00000000" + "00000001cc", "hex");
    const cells = new Int32Array(8);
    expect(indexCells({ body, rows: 2, next: null, askedAt: 0 }, 2, cells)).toBe(body.length);
    expect([...cells]).toEqual([4, 2, 14, 0, 10, -1, 18, 1]);
  });

  it("of a page cut short are an error, not a guess", () => {
    const body = Buffer.from("00000002aa", "hex");
    expect(() => indexCells({ body, rows: 2, next: null, askedAt: 0 }, 1, new Int32Array(4))).toThrow();
  });
});
