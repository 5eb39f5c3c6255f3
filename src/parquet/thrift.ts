/*
 * Owns just enough of the Thrift Compact Protocol to copy a struct while changing some of its integers. What a plan
 * does not name is copied byte for byte, so fields that are unknown here survive. Knows nothing of Parquet.
 */

/** Compact Protocol type numbers. */
export const Type = {
  TRUE: 1,
  FALSE: 2,
  I8: 3,
  I16: 4,
  I32: 5,
  I64: 6,
  DOUBLE: 7,
  BINARY: 8,
  LIST: 9,
  SET: 10,
  MAP: 11,
  STRUCT: 12,
  UUID: 13,
} as const;

/**
 * What to do with a struct's fields, by id: give an integer a new value (undefined drops the field; of a value of
 * another type, which comes as NaN, the copy fails), go into a struct or into each struct of a list, look at the bytes
 * of a value that is copied, or say by them whether it is copied. The rest is copied.
 */
export interface Plan {
  readonly [id: number]: ((value: number) => number | undefined) | StructPlan | Look | Choice;
}

interface StructPlan {
  readonly fields: Plan;
  /** Called after each struct that the plan is used for. */
  readonly end?: () => void;
}

interface Look {
  readonly look: (raw: Uint8Array) => void;
}

interface Choice {
  readonly keep: (raw: Uint8Array) => boolean;
}

/** Structs in structs; Parquet needs about five, a damaged footer could ask for a stack of millions. */
const MAX_DEPTH = 64;

/** The bytes are not what the protocol says. */
export class ThriftError extends Error {
  override name = "ThriftError";
}

export class ThriftReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new ThriftError("the data ends too early");
    this.at++;
    return byte;
  }

  /** In doubles, not in 32-bit arithmetic: offsets go past 4 GiB. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new ThriftError("an integer is past 2^53");
      if (byte < 128) return value;
    }
  }

  int(): number {
    const value = this.varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  /** The bytes of a BINARY (a view). */
  binary(): Uint8Array {
    const length = this.varint();
    return this.#view(this.at, length);
  }

  /** The header of a LIST or SET. */
  list(): { readonly type: number; readonly size: number } {
    const byte = this.byte();
    const size = byte >> 4 === 15 ? this.varint() : byte >> 4;
    // Every element takes a byte or more.
    if (size > this.bytes.length - this.at) throw new ThriftError("a list is longer than the data");
    return { type: byte & 15, size };
  }

  /** The fields of a struct. The caller consumes each value before it asks for the next. */
  *fields(): Generator<{ readonly id: number; readonly type: number }> {
    let id = 0;
    for (let byte = this.byte(); byte !== 0; byte = this.byte()) {
      id = byte >> 4 ? id + (byte >> 4) : this.int();
      yield { id, type: byte & 15 };
    }
  }

  /** Passes over a value and returns its bytes (a view). */
  raw(type: number): Uint8Array {
    const from = this.at;
    this.#skip(type, 0);
    return this.#view(from, this.at - from);
  }

  #view(from: number, length: number): Uint8Array {
    if (from + length > this.bytes.length) throw new ThriftError("the data ends too early");
    this.at = from + length;
    return this.bytes.subarray(from, this.at);
  }

  #skip(type: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new ThriftError("structs are nested too deep");
    switch (type) {
      case Type.TRUE:
      case Type.FALSE:
        return; // the value is in the field's header
      case Type.I8:
        this.at += 1;
        return;
      case Type.I16:
      case Type.I32:
      case Type.I64:
        while (this.byte() >= 128);
        return;
      case Type.DOUBLE:
        this.at += 8;
        return;
      case Type.UUID:
        this.at += 16;
        return;
      case Type.BINARY:
        this.binary();
        return;
      case Type.LIST:
      case Type.SET: {
        const { type: element, size } = this.list();
        for (let i = 0; i < size; i++) this.#skipElement(element, depth);
        return;
      }
      case Type.MAP: {
        const size = this.varint();
        const types = size > 0 ? this.byte() : 0;
        for (let i = 0; i < size; i++) {
          this.#skipElement(types >> 4, depth);
          this.#skipElement(types & 15, depth);
        }
        return;
      }
      case Type.STRUCT:
        for (const field of this.fields()) this.#skip(field.type, depth + 1);
        return;
      default:
        throw new ThriftError(`type ${type} is unknown`);
    }
  }

  /** Inside of containers a boolean takes a byte. */
  #skipElement(type: number, depth: number): void {
    this.#skip(type === Type.TRUE || type === Type.FALSE ? Type.I8 : type, depth + 1);
    if (this.at > this.bytes.length) throw new ThriftError("the data ends too early");
  }
}

export class ThriftWriter {
  #buffer = new Uint8Array(1 << 12);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far (a view, until the next write). */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): this {
    if (this.#length + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  byte(byte: number): this {
    if (this.#length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#length++] = byte;
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.byte((rest % 128) + 128);
    return this.byte(rest);
  }

  int(value: number): this {
    return this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** A field's header; `after` is the id of the field before it, 0 for the first. */
  field(id: number, after: number, type: number): this {
    const step = id - after;
    return step > 0 && step < 16 ? this.byte((step << 4) | type) : this.byte(type).int(id);
  }

  list(type: number, size: number): this {
    return size < 15 ? this.byte((size << 4) | type) : this.byte((15 << 4) | type).varint(size);
  }

  binary(bytes: Uint8Array): this {
    return this.varint(bytes.length).append(bytes);
  }

  /** Ends a struct. */
  stop(): this {
    return this.byte(0);
  }

  /** Copies the struct at the reader, changed by the plan. */
  copyStruct(from: ThriftReader, plan: StructPlan): this {
    let last = 0;
    for (const { id, type } of from.fields()) {
      const edit = plan.fields[id];
      if (typeof edit === "function") {
        const given = readInteger(from, type);
        const value = edit(given);
        if (Number.isNaN(given)) throw new ThriftError(`type ${type} where an integer is expected`);
        if (value === undefined) continue;
        this.field(id, last, type).int(value);
      } else if (edit !== undefined && "fields" in edit) {
        this.field(id, last, type).#copyStructs(from, type, edit);
      } else {
        const raw = from.raw(type);
        if (edit !== undefined && "keep" in edit && !edit.keep(raw)) continue;
        if (edit !== undefined && "look" in edit) edit.look(raw);
        this.field(id, last, type).append(raw);
      }
      last = id;
    }
    plan.end?.();
    return this.stop();
  }

  #copyStructs(from: ThriftReader, type: number, plan: StructPlan): void {
    if (type === Type.STRUCT) {
      this.copyStruct(from, plan);
      return;
    }
    if (type !== Type.LIST) throw new ThriftError(`type ${type} where a struct is expected`);
    const { type: element, size } = from.list();
    if (size > 0 && element !== Type.STRUCT) throw new ThriftError(`type ${element} where a struct is expected`);
    this.list(element, size);
    for (let i = 0; i < size; i++) this.copyStruct(from, plan);
  }

  #grow(by: number): void {
    const bigger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + by));
    bigger.set(this.bytes());
    this.#buffer = bigger;
  }
}

function readInteger(from: ThriftReader, type: number): number {
  if (type === Type.I16 || type === Type.I32 || type === Type.I64) return from.int();
  from.raw(type);
  return Number.NaN;
}
