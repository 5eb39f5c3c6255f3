import { describe, expect, it } from "vitest";
import { resultType } from "../../src/cassandra/resulttypes.ts";
import { parseCqlType } from "../../src/types/cql.ts";

const MARSHAL = "org.apache.cassandra.db.marshal.";
const native = (code: number) => ({ code });
const custom = (info: string) => ({ code: 0, info });
const hex = (text: string) => Buffer.from(text).toString("hex");

describe("types of results", () => {
  it("are written as CQL does, what is inside of another frozen", () => {
    const map = { code: 0x21, info: [native(0x0d), { code: 0x20, info: native(9) }] };
    expect(resultType(map)).toEqual({ text: "map<text, frozen<list<int>>>", userTypes: new Map() });
    expect(resultType({ code: 0x22, info: { code: 0x31, info: [native(0x0c), map] } }).text).toBe(
      "set<tuple<uuid, frozen<map<text, frozen<list<int>>>>>>",
    );
  });

  it("bring the user-defined types that they need", () => {
    const inner = { code: 0x30, info: { name: "In ner", fields: [{ name: "F", type: native(2) }] } };
    const outer = { code: 0x30, info: { name: "outer", fields: [{ name: "i", type: { code: 0x20, info: inner } }] } };
    const { text, userTypes } = resultType(outer);
    expect(text).toBe("outer");
    expect(parseCqlType(text, userTypes)).toMatchObject({
      name: "udt",
      udt: { name: "outer", fields: ["i"] },
      of: [{ name: "list", of: [{ name: "udt", udt: { name: "In ner", fields: ["F"] }, of: [{ name: "bigint" }] }] }],
    });
  });

  it("are read from the names of classes, as protocol v4 tells durations and vectors", () => {
    const text = (info: string) => resultType(custom(info)).text;
    expect(text(`${MARSHAL}DurationType`)).toBe("duration");
    expect(text(`${MARSHAL}VectorType(${MARSHAL}FloatType , 3)`)).toBe("vector<float, 3>");
    expect(text(`${MARSHAL}ReversedType(${MARSHAL}VectorType(${MARSHAL}ListType(${MARSHAL}UTF8Type), 2))`)).toBe(
      "vector<frozen<list<text>>, 2>",
    );
    expect(text("com.example.Odd's")).toBe("'com.example.Odd''s'");
  });

  it("are user-defined ones in the names of classes", () => {
    const user = `${MARSHAL}UserType(ks,${hex("addr")},${hex("Zip")}:${MARSHAL}Int32Type,${hex("t")}:${MARSHAL}SetType(${MARSHAL}UTF8Type))`;
    const { text, userTypes } = resultType(custom(`${MARSHAL}VectorType(${user}, 2)`));
    expect(text).toBe("vector<frozen<addr>, 2>");
    expect(userTypes.get("addr")).toEqual({ fields: ["Zip", "t"], types: ["int", "frozen<set<text>>"] });
  });
});
