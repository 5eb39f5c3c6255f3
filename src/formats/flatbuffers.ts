/*
 * Owns the bytes of FlatBuffers, as much of them as Arrow's messages need: trees of tables, vectors, texts and structs
 * of 64-bit integers are written, tables read. What stands in which field is the caller's.
 */

/** A number inside a table, little-endian. */
export interface Scalar {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly value: number;
}

/** What a table refers to. */
export type Node =
  | { readonly kind: "table"; readonly fields: readonly (Scalar | Node | undefined)[] }
  | { readonly kind: "vector"; readonly items: readonly Node[] }
  | { readonly kind: "text"; readonly text: string }
  /** A vector of structs, each of `width` 64-bit integers; `values` has those of all one behind the other. */
  | { readonly kind: "structs"; readonly width: number; readonly values: readonly number[] };

const REFERENCE = 4;

/** A buffer whose root is the table; its length is a multiple of 8. */
export function encodeFlatbuffer(root: Node): Uint8Array {
  const writer = new Writer();
  const at = writer.reserve(REFERENCE, 8);
  writer.refer(at, root);
  writer.reserve(0, 8);
  return writer.finished();
}

/** Writes from front to back: what is referred to stands behind the reference, as the format asks for. */
class Writer {
  #bytes = new Uint8Array(1 << 10);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finished(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Appends `size` zero bytes at the next multiple of `alignment`, or `before` bytes behind one; where they are. */
  reserve(size: number, alignment: number, before = 0): number {
    const at = Math.ceil((this.#length + before) / alignment) * alignment - before;
    this.#length = at + size;
    if (this.#length > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      bigger.set(this.#bytes);
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    return at;
  }

  /** Writes a node and sets the reference at `from` to it. */
  refer(from: number, node: Node): void {
    const at = this.#write(node);
    this.#view.setUint32(from, at - from, true);
  }

  #write(node: Node): number {
    switch (node.kind) {
      case "table":
        return this.#table(node.fields);
      case "vector":
        return this.#vector(node.items);
      case "text":
        return this.#text(node.text);
      case "structs":
        return this.#structs(node.width, node.values);
    }
  }

  #table(fields: readonly (Scalar | Node | undefined)[]): number {
    const places: number[] = [];
    let size = REFERENCE;
    for (const field of fields) {
      const bytes = field === undefined ? 0 : "bytes" in field ? field.bytes : REFERENCE;
      if (bytes > 0) size = Math.ceil(size / bytes) * bytes;
      places.push(bytes > 0 ? size : 0);
      size += bytes;
    }
    // A vtable before the table: its own size, the table's, and where in the table each field is.
    const vtableSize = 4 + 2 * fields.length;
    const vtable = this.reserve(vtableSize + size, 8, vtableSize);
    const table = vtable + vtableSize;
    this.#view.setUint16(vtable, vtableSize, true);
    this.#view.setUint16(vtable + 2, size, true);
    places.forEach((place, i) => {
      this.#view.setUint16(vtable + 4 + 2 * i, place, true);
    });
    this.#view.setInt32(table, vtableSize, true);
    fields.forEach((field, i) => {
      if (field === undefined) return;
      if ("bytes" in field) this.#scalar(table + places[i]!, field);
      else this.refer(table + places[i]!, field);
    });
    return table;
  }

  #scalar(at: number, { bytes, value }: Scalar): void {
    if (bytes === 1) this.#view.setInt8(at, value);
    else if (bytes === 2) this.#view.setInt16(at, value, true);
    else if (bytes === 4) this.#view.setInt32(at, value, true);
    else this.#view.setBigInt64(at, BigInt(value), true);
  }

  #vector(items: readonly Node[]): number {
    const at = this.reserve(4 + REFERENCE * items.length, 4);
    this.#view.setUint32(at, items.length, true);
    items.forEach((item, i) => {
      this.refer(at + 4 + REFERENCE * i, item);
    });
    return at;
  }

  #text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.reserve(4 + bytes.length + 1, 4);
    this.#view.setUint32(at, bytes.length, true);
    this.#bytes.set(bytes, at + 4);
    return at;
  }

  #structs(width: number, values: readonly number[]): number {
    const at = this.reserve(4 + 8 * values.length, 8, 4);
    this.#view.setUint32(at, values.length / width, true);
    values.forEach((value, i) => {
      this.#view.setBigInt64(at + 4 + 8 * i, BigInt(value), true);
    });
    return at;
  }
}

/** A table in a buffer, by the numbers of its fields. Damaged bytes throw a RangeError. */
export class TableReader {
  readonly #view: DataView;
  readonly #at: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  static root(bytes: Uint8Array): TableReader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new TableReader(view, view.getUint32(0, true));
  }

  byte(field: number): number {
    const at = this.#place(field);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  /** @param missing what a field means that is left out */
  short(field: number, missing = 0): number {
    const at = this.#place(field);
    return at === undefined ? missing : this.#view.getInt16(at, true);
  }

  int(field: number, missing = 0): number {
    const at = this.#place(field);
    return at === undefined ? missing : this.#view.getInt32(at, true);
  }

  /** Exact up to 2^53. */
  long(field: number): number {
    const at = this.#place(field);
    return at === undefined ? 0 : Number(this.#view.getBigInt64(at, true));
  }

  /** The 64-bit integers of a vector of structs that have `width` of them each, one behind the other. */
  longs(field: number, width: number): number[] {
    return this.structs(field, 8 * width).flatMap((struct) =>
      Array.from({ length: width }, (_, i) => Number(struct.getBigInt64(8 * i, true))),
    );
  }

  /** The structs of a vector, of `size` bytes each. */
  structs(field: number, size: number): DataView[] {
    const at = this.#target(field);
    if (at === undefined) return [];
    const count = this.#view.getUint32(at, true);
    if (count * size > this.#view.byteLength) throw new RangeError("a vector longer than its buffer");
    const { buffer, byteOffset } = this.#view;
    return Array.from({ length: count }, (_, i) => new DataView(buffer, byteOffset + at + 4 + size * i, size));
  }

  table(field: number): TableReader | undefined {
    const at = this.#target(field);
    return at === undefined ? undefined : new TableReader(this.#view, at);
  }

  tables(field: number): TableReader[] {
    const at = this.#target(field);
    if (at === undefined) return [];
    const count = this.#view.getUint32(at, true);
    if (count * REFERENCE > this.#view.byteLength) throw new RangeError("a vector longer than its buffer");
    return Array.from({ length: count }, (_, i) => {
      const item = at + 4 + REFERENCE * i;
      return new TableReader(this.#view, item + this.#view.getUint32(item, true));
    });
  }

  text(field: number): string {
    const at = this.#target(field);
    if (at === undefined) return "";
    const { buffer, byteOffset } = this.#view;
    const length = this.#view.getUint32(at, true);
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset + at + 4, length));
  }

  #place(field: number): number | undefined {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + 2 * field;
    if (entry >= this.#view.getUint16(vtable, true)) return undefined;
    const place = this.#view.getUint16(vtable + entry, true);
    return place === 0 ? undefined : this.#at + place;
  }

  #target(field: number): number | undefined {
    const at = this.#place(field);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }
}
