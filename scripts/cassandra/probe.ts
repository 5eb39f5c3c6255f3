/*
 * Owns the few CQL frames (native protocol v4) that tell whether a node is ready: OPTIONS, the login, and how many
 * peers it sees. The driver would hide which node answered and retry on its own, so it is not used here.
 */
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TlsFiles } from "./certs.ts";

export interface Target {
  readonly address: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

interface Frame {
  readonly opcode: number;
  readonly body: Buffer;
}

const opcodes = {
  startup: 0x01,
  ready: 0x02,
  authenticate: 0x03,
  options: 0x05,
  supported: 0x06,
  query: 0x07,
  result: 0x08,
  authResponse: 0x0f,
  authSuccess: 0x10,
} as const;

const headerLength = 9;
const patience = 5_000;

/** One connection that sends one request at a time. */
interface Session {
  request(opcode: number, body?: Buffer): Promise<Frame>;
  close(): void;
}

function openSocket(target: Target): Socket {
  const { address: host, port, tls } = target;
  if (!tls) return connectTcp({ host, port });
  const ca = readFileSync(tls.ca);
  return connectTls({ host, port, ca, cert: readFileSync(tls.clientCert), key: readFileSync(tls.clientKey) });
}

function openSession(target: Target): Session {
  const socket = openSocket(target);
  let received = Buffer.alloc(0);
  let answer: ((frame: Frame) => void) | undefined;
  let refuse: ((error: Error) => void) | undefined;
  const fail = (error: Error) => {
    refuse?.(error);
    socket.destroy();
  };
  socket.setTimeout(patience, () => fail(new Error("no answer")));
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("connection closed")));
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < headerLength) return;
    const end = headerLength + received.readInt32BE(5);
    if (received.length < end) return;
    const frame = { opcode: received.readUInt8(4), body: received.subarray(headerLength, end) };
    received = received.subarray(end);
    answer?.(frame);
  });
  return {
    request: (opcode, body = Buffer.alloc(0)) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("connection closed"));
        answer = resolve;
        refuse = reject;
        const header = Buffer.from([0x04, 0, 0, 0, opcode, 0, 0, 0, 0]);
        header.writeInt32BE(body.length, 5);
        socket.write(Buffer.concat([header, body]));
      }),
    close: () => socket.destroy(),
  };
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function longBytes(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

async function logIn(session: Session, target: Target): Promise<void> {
  const startup = Buffer.concat([Buffer.from([0, 1]), shortString("CQL_VERSION"), shortString("3.0.0")]);
  let { opcode } = await session.request(opcodes.startup, startup);
  if (opcode === opcodes.authenticate && target.credentials) {
    const { username, password } = target.credentials;
    const token = longBytes(Buffer.from(`\0${username}\0${password}`));
    ({ opcode } = await session.request(opcodes.authResponse, token));
  }
  if (opcode !== opcodes.ready && opcode !== opcodes.authSuccess) throw new Error("the login was refused");
}

/** How many other nodes this one knows. */
async function countPeers(session: Session): Promise<number> {
  const consistencyOne = [0, 1];
  const skipMetadata = 0x02;
  const query = longBytes(Buffer.from("SELECT peer FROM system.peers"));
  const { opcode, body } = await session.request(
    opcodes.query,
    Buffer.concat([query, Buffer.from([...consistencyOne, skipMetadata])]),
  );
  if (opcode !== opcodes.result) throw new Error("system.peers can't be read");
  // kind, flags, number of columns, then (without metadata) the number of rows
  return body.readInt32BE(12);
}

/** Whether the node answers CQL now: OPTIONS, then the login, and that it sees all its `peers`. */
export async function isReady(target: Target, peers: number): Promise<boolean> {
  const session = openSession(target);
  try {
    const { opcode } = await session.request(opcodes.options);
    if (opcode !== opcodes.supported) return false;
    await logIn(session, target);
    return (await countPeers(session)) >= peers;
  } catch {
    return false;
  } finally {
    session.close();
  }
}
