/*
 * Owns a proxy before a node that spoils requests that write: errors instead of answers, silence, closed sockets. It
 * shows what a healthy node can't be made to do. Everything else passes through as it is.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll } from "vitest";

const HEADER = 9;
const ERROR = 0x00;
const EXECUTE = 0x0a;
const BATCH = 0x0d;

/** What becomes of a request: an error without carrying it out, or in place of its answer; nothing at all; a closed socket. */
export type Fault =
  | { readonly code: number; readonly message: string; readonly after?: boolean; readonly extra?: Buffer }
  | "silence"
  | "close"
  | undefined;

export interface WriteRequest {
  readonly kind: "batch" | "execute";
  readonly frame: Buffer;
  /** Its number among the requests that write, from 0. */
  readonly number: number;
  /** How many others are not answered. */
  readonly inFlight: number;
}

export interface FaultyProxy {
  readonly host: string;
  readonly port: number;
  /** Asked for each request that writes. */
  spoil: (request: WriteRequest) => Fault;
  /** Requests that write, so far. */
  readonly requests: WriteRequest[];
  /** Connections that were made, so far. */
  connections: number;
}

/** Cuts a stream into frames. */
function framesOf(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= HEADER && rest.length >= HEADER + rest.readInt32BE(5)) {
      const frame = rest.subarray(0, HEADER + rest.readInt32BE(5));
      rest = rest.subarray(frame.length);
      take(frame);
    }
  });
}

function errorFrame(stream: number, fault: Exclude<Fault, string | undefined>): Buffer {
  const message = Buffer.from(fault.message);
  const body = Buffer.alloc(6);
  body.writeInt32BE(fault.code);
  body.writeUInt16BE(message.length, 4);
  const whole = Buffer.concat([body, message, fault.extra ?? Buffer.alloc(0)]);
  const header = Buffer.from([0x84, 0, 0, 0, ERROR, 0, 0, 0, 0]);
  header.writeInt16BE(stream, 2);
  header.writeInt32BE(whole.length, 5);
  return Buffer.concat([header, whole]);
}

/** What follows the message of a write timeout: consistency, replicas that answered and that had to, kind of write. */
export function writeTimeoutExtra(kind: string): Buffer {
  return Buffer.concat([Buffer.from([0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, kind.length]), Buffer.from(kind)]);
}

/** What follows the message of "unavailable": consistency, replicas needed and alive. */
export const UNAVAILABLE_EXTRA = Buffer.from([0, 6, 0, 0, 0, 2, 0, 0, 0, 1]);

/** A proxy before `host:port`, closed at the end of the test file. */
export async function startProxy(host: string, port: number): Promise<FaultyProxy> {
  const sockets = new Set<Socket>();
  const requests: WriteRequest[] = [];
  let inFlight = 0;
  const server = createServer((client) => {
    const node = connect({ host, port });
    proxy.connections++;
    const writes = new Set<number>();
    const replaced = new Map<number, Buffer>();
    const close = () => {
      for (const socket of [client, node]) socket.destroy();
    };
    for (const socket of [client, node]) {
      sockets.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          sockets.delete(socket);
          close();
        });
    }
    framesOf(client, (frame) => {
      const opcode = frame[4];
      if (opcode !== EXECUTE && opcode !== BATCH) {
        node.write(frame);
        return;
      }
      const kind = opcode === BATCH ? "batch" : "execute";
      const request: WriteRequest = { kind, frame, number: requests.length, inFlight };
      requests.push(request);
      const fault = proxy.spoil(request);
      if (fault === "close") close();
      else if (typeof fault === "object" && !fault.after) client.write(errorFrame(frame.readInt16BE(2), fault));
      else if (fault !== "silence") {
        if (fault) replaced.set(frame.readInt16BE(2), errorFrame(frame.readInt16BE(2), fault));
        writes.add(frame.readInt16BE(2));
        inFlight++;
        node.write(frame);
      }
    });
    framesOf(node, (frame) => {
      const stream = frame.readInt16BE(2);
      if (writes.delete(stream)) inFlight--;
      client.write(replaced.get(stream) ?? frame);
      replaced.delete(stream);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port: own } = server.address() as AddressInfo;
  const proxy: FaultyProxy = { host: "127.0.0.1", port: own, spoil: () => undefined, requests, connections: 0 };
  return proxy;
}
