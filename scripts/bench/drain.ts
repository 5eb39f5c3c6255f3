/*
 * The floor that an export is held against: reads token ranges over plain sockets, one range a socket at a time, and
 * discards the pages as they come. Uses neither the driver nor anything of src. Runs as a process of its own.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

export interface DrainPlan {
  readonly host: string;
  readonly port: number;
  /** With two `?`: the token before the range, and its last one. */
  readonly cql: string;
  readonly ranges: readonly (readonly [start: string, end: string])[];
  /** Ranges read at the same time. */
  readonly sockets: number;
}

const STARTUP = 0x01;
const QUERY = 0x07;
const ERROR = 0x00;
/** Read timeout and read failure: a server that is still cold answers so for pages of this size. */
const READ_ERRORS = [0x1200, 0x1300];
const ATTEMPTS = 8;
const FRAME_HEADER = 9;
const LOCAL_QUORUM = 6;
const SKIP_METADATA = 0x02;
const PAGE_SIZE = 0x04;
const PAGING_STATE = 0x08;
const MORE_PAGES = 0x02;
const NO_METADATA = 0x04;
const TARGET_PAGE_BYTES = 2 * 1024 * 1024;
const FIRST_PAGE_ROWS = 1000;
/** Kind, flags, number of columns, a paging state and the number of rows all lie in so many bytes. */
const HEAD_BYTES = 4096;

interface Answer {
  readonly opcode: number;
  /** The first bytes of the body; the rest is discarded on arrival. */
  readonly head: Buffer;
  readonly bytes: number;
}

/** Sends one request and resolves when the last byte of its answer has come. */
function call(socket: Socket, opcode: number, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    let received = 0;
    const onClose = () => reject(new Error("the server closed the connection"));
    const onData = (data: Buffer) => {
      received += data.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, data.subarray(0, HEAD_BYTES)]);
      if (received < FRAME_HEADER) return;
      const bytes = head.readInt32BE(5);
      if (received < FRAME_HEADER + bytes) return;
      socket.off("data", onData).off("error", reject).off("close", onClose);
      resolve({ opcode: head[4]!, head: head.subarray(FRAME_HEADER), bytes });
    };
    socket.on("data", onData).on("error", reject).on("close", onClose);
    const frame = Buffer.alloc(FRAME_HEADER);
    frame.set([4, 0, 0, 0, opcode]);
    frame.writeInt32BE(body.length, 5);
    socket.write(Buffer.concat([frame, body]));
  });
}

async function ask(socket: Socket, opcode: number, body: Buffer): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await call(socket, opcode, body);
    if (answer.opcode !== ERROR) return answer;
    const passing = READ_ERRORS.includes(answer.head.readInt32BE(0));
    if (!passing || attempt === ATTEMPTS) throw new Error(`the server says: ${answer.head.toString("latin1", 6)}`);
  }
}

function int(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
}

function query(cql: string, rows: number, state: Buffer | undefined): Buffer {
  const text = Buffer.from(cql);
  const flags = SKIP_METADATA | PAGE_SIZE | (state ? PAGING_STATE : 0);
  const paging = state ? [int(state.length), state] : [];
  return Buffer.concat([int(text.length), text, Buffer.from([0, LOCAL_QUORUM, flags]), int(rows), ...paging]);
}

interface PageFacts {
  readonly rows: number;
  readonly next: Buffer | undefined;
}

function pageFacts(head: Buffer): PageFacts {
  const flags = head.readInt32BE(4);
  if (!(flags & NO_METADATA)) throw new Error("the server sent metadata that it was asked to leave out");
  if (!(flags & MORE_PAGES)) return { rows: head.readInt32BE(12), next: undefined };
  const length = head.readInt32BE(12);
  return { rows: head.readInt32BE(16 + length), next: Buffer.from(head.subarray(16, 16 + length)) };
}

async function drain({ host, port, cql, ranges, sockets }: DrainPlan): Promise<{ rows: number; bytes: number }> {
  const total = { rows: 0, bytes: 0 };
  let next = 0;
  const lane = async () => {
    const socket = connect({ host, port, noDelay: true });
    const name = "CQL_VERSION";
    const version = "3.0.0";
    const options = Buffer.from(`\0\x01\0${String.fromCharCode(name.length)}${name}\0\x05${version}`);
    await ask(socket, STARTUP, options);
    let pageRows = FIRST_PAGE_ROWS;
    for (let range = ranges[next++]; range; range = ranges[next++]) {
      const bounds = [...range];
      const statement = cql.replaceAll("?", () => bounds.shift()!);
      let state: Buffer | undefined;
      do {
        const { head, bytes } = await ask(socket, QUERY, query(statement, pageRows, state));
        const page = pageFacts(head);
        total.rows += page.rows;
        total.bytes += bytes;
        if (page.rows > 0) pageRows = Math.max(1, Math.floor(TARGET_PAGE_BYTES / (bytes / page.rows)));
        state = page.next;
      } while (state);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: sockets }, lane));
  return total;
}

/** Carries out the plan in a file and prints how many rows and bytes came. */
export async function drainPlanned(path: string): Promise<void> {
  console.log(JSON.stringify(await drain(JSON.parse(readFileSync(path, "utf8")) as DrainPlan)));
}
