/*
 * Owns an independent look at what a server holds: a CQL native protocol v4 client of its own that returns the bytes of
 * every cell. Shares nothing with src or the driver, so that it can judge both.
 */
import { connect, type Socket } from "node:net";

const STARTUP = 0x01;
const QUERY = 0x07;
const RESULT = 0x08;
const ERROR = 0x00;
const ROWS = 2;
const HEADER = 9;
const WARNINGS = 0x08;
const ONE = 1;
const PAGE_SIZE_FLAG = 0x04;
const PAGING_STATE_FLAG = 0x08;
const GLOBAL_TABLE = 0x01;
const MORE_PAGES = 0x02;
const NO_METADATA = 0x04;

export interface ServerRows {
  readonly names: readonly string[];
  readonly rows: (Buffer | null)[][];
}

/** All rows of a statement, cells as bytes. */
export async function serverRows(host: string, port: number, cql: string): Promise<ServerRows> {
  const socket = connect({ host, port });
  try {
    await call(socket, STARTUP, stringMap({ CQL_VERSION: "3.0.0" }));
    const rows: (Buffer | null)[][] = [];
    let state: Buffer | null = null;
    for (;;) {
      const page = readRows(await call(socket, QUERY, query(cql, state)));
      rows.push(...page.rows);
      state = page.state;
      if (state === null) return { names: page.names, rows };
    }
  } finally {
    socket.destroy();
  }
}

function short(n: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(n);
  return bytes;
}

function int(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
}

function stringMap(map: Record<string, string>): Buffer {
  const entries = Object.entries(map).flatMap((pair) =>
    pair.flatMap((text) => [short(text.length), Buffer.from(text)]),
  );
  return Buffer.concat([short(Object.keys(map).length), ...entries]);
}

function query(cql: string, state: Buffer | null): Buffer {
  const text = Buffer.from(cql);
  const flags = PAGE_SIZE_FLAG | (state ? PAGING_STATE_FLAG : 0);
  const tail = state ? [int(state.length), state] : [];
  return Buffer.concat([int(text.length), text, short(ONE), Buffer.from([flags]), int(5000), ...tail]);
}

/** Sends one frame and resolves with the body of the answer. */
function call(socket: Socket, opcode: number, body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const onData = (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < HEADER || received.length < HEADER + received.readInt32BE(5)) return;
      socket.off("data", onData).off("error", reject);
      const answer = withoutWarnings(received);
      if (received[4] === ERROR) reject(new Error(`${answer.toString("latin1", 6)}`));
      else resolve(answer);
    };
    socket.on("data", onData).on("error", reject);
    socket.write(Buffer.concat([Buffer.from([4, 0, 0, 0, opcode]), int(body.length), body]));
  });
}

/** The body of a frame; warnings stand before what was asked for. */
function withoutWarnings(frame: Buffer): Buffer {
  const body = frame.subarray(HEADER);
  if (!(frame[1]! & WARNINGS)) return body;
  const reader = new Reader(body);
  let length = 2;
  for (let n = reader.short(); n > 0; n--) length += 2 + reader.take(reader.short()).length;
  return body.subarray(length);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  int(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }
  short(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }
  take(length: number): Buffer {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error("the frame ends too early");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  string(): string {
    return this.take(this.short()).toString();
  }
  bytes(): Buffer | null {
    const length = this.int();
    return length < 0 ? null : this.take(length);
  }
  /** Passes over an [option] that is a type. */
  type(): void {
    const id = this.short();
    if (id === 0x0000) this.string();
    else if (id === 0x0020 || id === 0x0022) this.type();
    else if (id === 0x0021) {
      this.type();
      this.type();
    } else if (id === 0x0030) {
      this.string();
      this.string();
      for (let n = this.short(); n > 0; n--) {
        this.string();
        this.type();
      }
    } else if (id === 0x0031) for (let n = this.short(); n > 0; n--) this.type();
  }
}

function readRows(body: Buffer): ServerRows & { state: Buffer | null } {
  const reader = new Reader(body);
  const kind = reader.int();
  if (kind !== ROWS) throw new Error(`a result of kind ${kind}, not rows (opcode ${RESULT})`);
  const flags = reader.int();
  const count = reader.int();
  const state = flags & MORE_PAGES ? reader.bytes() : null;
  const names: string[] = [];
  if (!(flags & NO_METADATA)) {
    if (flags & GLOBAL_TABLE) for (let i = 0; i < 2; i++) reader.string();
    for (let i = 0; i < count; i++) {
      if (!(flags & GLOBAL_TABLE)) for (let k = 0; k < 2; k++) reader.string();
      names.push(reader.string());
      reader.type();
    }
  }
  const rows = Array.from({ length: reader.int() }, () => Array.from({ length: count }, () => reader.bytes()));
  return { names, rows, state };
}
