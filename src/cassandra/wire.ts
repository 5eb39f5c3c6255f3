/*
 * Owns the sending of frames over the driver's connections, past its requests, retries and decoders: statements that a
 * node has forgotten are prepared again, and what a connection takes with it is told at once. Tries nothing twice.
 */
import driver from "cassandra-driver";
import { ClusterError, messageOf } from "../base/errors.ts";
import type { Host } from "./cluster.ts";
import { UNPREPARED } from "./errorcodes.ts";
import { clusterFailure } from "./failure.ts";
import type { Frame } from "./frames.ts";
import { RAW, type RawRows } from "./rawrows.ts";

const { errors } = driver;

/** A node's answer to a frame that it carried out. */
export interface Answer {
  readonly warnings: readonly string[];
  /** Of a conditional statement. */
  readonly rows: RawRows | undefined;
}

/** The request never left: whatever it was, it can be sent again. */
export class NotSentError extends Error {
  override name = "NotSentError";
}

/** The connection ended while the request was on it. */
export class ConnectionLostError extends Error {
  override name = "ConnectionLostError";
}

/** What is used of the driver's inner parts; it is of the pinned version. */
interface Connection {
  sendStream(request: object, options: null, done: (error: Error | null, result?: Result) => void): Operation;
  prepareOnce(cql: string, keyspace: null, done: (error: Error | null, result?: Result) => void): void;
  once(event: "socketClose", listener: () => void): void;
}
interface Operation {
  cancel(): void;
}
interface Result {
  readonly flags?: { readonly warnings?: readonly string[] };
  readonly rows?: RawRows;
  readonly id?: Buffer;
  readonly meta?: { readonly columns?: readonly unknown[] };
}
interface DriverHost {
  borrowConnection(): Connection;
  checkHealth(connection: Connection): void;
}
interface SocketError extends Error {
  readonly isSocketError?: boolean;
  readonly requestNotWritten?: boolean;
}

/** Makes the driver leave the rows of an answer undecoded (rawrows.ts). */
const RAW_OPTIONS = { getRawQueryOptions: () => ({ [RAW]: true }) };

export class Wire {
  readonly #doing: string;
  /** What is sent over a connection and not answered. */
  readonly #pending = new Map<Connection, Set<() => void>>();

  /** @param doing names the work in errors, e.g. `writing ks.t` */
  constructor(doing: string) {
    this.#doing = doing;
  }

  /** Prepares a statement on one node. @throws NotSentError, or what the driver throws */
  prepare(cql: string, host: Host): Promise<{ id: Buffer; parameters: number }> {
    return new Promise((resolve, reject) => {
      borrow(host).prepareOnce(cql, null, (error, result) => {
        if (error) reject(error);
        else resolve({ id: result!.id!, parameters: result!.meta?.columns?.length ?? 0 });
      });
    });
  }

  /**
   * Sends a frame to a node and calls `done` once, with what went wrong or the answer; at once where there is no connection.
   * Errors are NotSentError, ConnectionLostError, ClusterError, UsageError and those of the driver.
   */
  send(frame: Frame, host: Host, done: (error: unknown, answer?: Answer) => void): void {
    let connection: Connection;
    try {
      connection = borrow(host);
    } catch (error) {
      done(error);
      return;
    }
    const pending = this.#pendingOn(connection);
    const request = { options: RAW_OPTIONS, write: frame.write.bind(frame) };
    const operation = connection.sendStream(request, null, (error, result) => {
      pending.delete(lost);
      if (!error) done(undefined, { warnings: result?.flags?.warnings ?? [], rows: result?.rows });
      else if (error instanceof errors.ResponseError && error.code === UNPREPARED) {
        this.#prepareAgain(frame, host, connection, done);
      } else {
        if (error instanceof errors.OperationTimedOutError) (host as unknown as DriverHost).checkHealth(connection);
        done(told(error));
      }
    });
    const lost = () => {
      operation.cancel();
      done(new ConnectionLostError(`the connection to ${host.address} was closed`));
    };
    pending.add(lost);
  }

  /** What waits in the driver's queue of a connection that closes would end by its timeout only. */
  #pendingOn(connection: Connection): Set<() => void> {
    const known = this.#pending.get(connection);
    if (known) return known;
    const pending = new Set<() => void>();
    this.#pending.set(connection, pending);
    connection.once("socketClose", () => {
      this.#pending.delete(connection);
      for (const end of pending) end();
    });
    return pending;
  }

  #prepareAgain(
    frame: Frame,
    host: Host,
    connection: Connection,
    done: (error: unknown, answer?: Answer) => void,
  ): void {
    const { cql, id } = frame.statement;
    connection.prepareOnce(cql, null, (error, result) => {
      if (error instanceof errors.ResponseError) done(clusterFailure(error, this.#doing));
      else if (error) done(new NotSentError(messageOf(error), { cause: error }));
      else if (!result!.id!.equals(id)) {
        done(new ClusterError(`${this.#doing}: the statement has another meaning now, the table was changed`));
      } else this.send(frame, host, done);
    });
  }
}

/** @throws NotSentError where the node has no connection free */
function borrow(host: Host): Connection {
  try {
    return (host as unknown as DriverHost).borrowConnection();
  } catch (error) {
    throw new NotSentError(`${host.address}: ${messageOf(error)}`, { cause: error });
  }
}

/** The driver has no class for errors of its sockets. */
function told(error: SocketError): Error {
  if (!error.isSocketError) return error;
  const Class = error.requestNotWritten ? NotSentError : ConnectionLostError;
  return new Class(error.message, { cause: error });
}
