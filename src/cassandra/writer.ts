/*
 * Owns writing into tables: prepared statements, blocks of rows in and their fate out, and how much may be under way.
 * How rows become frames is in grouping.ts and frames.ts, how frames reach a node in dispatch.ts and wire.ts.
 */
import driver from "cassandra-driver";
import { assert, ClusterError } from "../base/errors.ts";
import type { Cluster, Host } from "./cluster.ts";
import {
  type Delivery,
  Dispatcher,
  type DispatchOptions,
  delivery,
  type Receiver,
  type RowRejection,
} from "./dispatch.ts";
import { giveBackFrame } from "./framebuffers.ts";
import { buildFrames, type Consistencies, type Frame, RowSizes } from "./frames.ts";
import { type FrameLimits, planFrames } from "./grouping.ts";
import { writeFailure, writeFault } from "./refusal.ts";
import { Replicas, RowTokens } from "./routing.ts";
import type { RisingTimestamp, RowBlock, StatementKind, WriteStatement } from "./rowblock.ts";
import { Wire } from "./wire.ts";

const { consistencies } = driver.types;

/** Frames of full size that measured best; they weigh about 120 rows. */
const DEFAULT_CONCURRENCY = 16;
const FULL_FRAME_COST = 120;
const DEFAULT_BATCH_ROWS = 100;
const FRAME_BYTES = 64 * 1024;
/** Frames that are kept, in case they have to be sent again. */
const HELD_BYTES = 16 * 1024 * 1024;
/** A dead node is known as such after some 20 s, and restarted in a minute or two. */
const PATIENCE_MS = 120_000;
/** Windows of rows to have ready, so that the nodes never wait for the next block. */
const WINDOWS_AHEAD = 2;

export interface WriterOptions {
  readonly keyspace: string;
  /** `ks.table`, as errors name it. */
  readonly name: string;
  /** Requests in flight to one node, of full size; of smaller ones accordingly more. 16 where it is not said. */
  readonly concurrency?: number | undefined;
  /** The same at the beginning: as many unless said. */
  readonly firstConcurrency?: number | undefined;
  /** Makes what judges a node's answers: as long as it says the node is strained, less is in flight to it. */
  readonly watch?: DispatchOptions["watch"];
  /** Resolves when so many rows may be sent; at once where it is absent. Called in the order of the rows. */
  readonly admit?: ((rows: number) => Promise<void>) | undefined;
  /** The most rows of a batch; 100 where it is not said. */
  readonly batchRows?: number | undefined;
  /** Milliseconds that a write is tried for; two minutes where it is not said. */
  readonly patienceMs?: number | undefined;
  /** Once aborted nothing is tried again; what is under way is still waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Something is sent again, for this reason. */
  onRetry?(error: unknown): void;
  /** A warning of the server, in its words; the same one may come often. */
  onWarning?(text: string): void;
}

export interface StatementOptions {
  /** Which parameters are the partition key, in key order; empty where rows can't be routed. */
  readonly keys: readonly number[];
  readonly kind: StatementKind;
  readonly rising?: RisingTimestamp | undefined;
}

/** The rows of one block until all are written or rejected. */
class Fate implements Receiver {
  readonly result: Promise<RowRejection[]>;
  /** What its frames are kept in. */
  readonly memory: Uint8Array;
  /** Bytes of it. */
  readonly bytes: number;
  readonly #rejections: RowRejection[] = [];
  #open: number;
  #resolve: (rejections: RowRejection[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #onSettled: (rows: number, fate: Fate) => void;

  /** @param onSettled is told how many rows more have met their fate */
  constructor(rows: number, frames: readonly Frame[], onSettled: (rows: number, fate: Fate) => void) {
    this.#open = rows;
    this.memory = frames[0]!.bytes;
    this.bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
    this.#onSettled = onSettled;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // It may be awaited only after others; until then a failure is not an unhandled one.
    this.result.catch(() => undefined);
  }

  get isSettled(): boolean {
    return this.#open === 0;
  }

  rejected(rejections: readonly RowRejection[]): void {
    this.#rejections.push(...rejections);
  }

  settled(rows: number): void {
    this.#open -= rows;
    this.#onSettled(rows, this);
    if (this.isSettled) this.#resolve(this.#rejections.sort((a, b) => a.row - b.row));
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** What prepares statements and takes rows. */
export type RowWriter = Pick<Writer, "prepare" | "write" | "room">;

export class Writer {
  readonly #cluster: Cluster;
  readonly #options: WriterOptions;
  readonly #wire: Wire;
  readonly #dispatcher: Dispatcher;
  readonly #replicas: Replicas;
  readonly #consistencies: Consistencies;
  readonly #window: number;
  readonly #tokens = new RowTokens();
  readonly #sizes = new RowSizes();
  readonly #fates = new Set<Fate>();
  #waiting: (() => void)[] = [];
  /** Bytes of frames, and rows, that are under way. */
  #held = 0;
  #rows = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #abort = () => this.#dispatcher.loseHope(this.#options.signal?.reason);

  constructor(cluster: Cluster, options: WriterOptions) {
    const doing = `writing ${options.name}`;
    this.#cluster = cluster;
    this.#options = options;
    this.#wire = new Wire(doing);
    this.#window = (options.concurrency ?? DEFAULT_CONCURRENCY) * FULL_FRAME_COST;
    this.#replicas = new Replicas(cluster, options.keyspace);
    this.#consistencies = { write: cluster.consistency.code, serial: serialFor(cluster.consistency.code) };
    this.#dispatcher = new Dispatcher(cluster, this.#wire, {
      window: this.#window,
      firstWindow: (options.firstConcurrency ?? options.concurrency ?? DEFAULT_CONCURRENCY) * FULL_FRAME_COST,
      watch: options.watch,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      doing,
      onRetry: (error) => options.onRetry?.(error),
      onWarning: (text) => options.onWarning?.(text),
      onFailure: (error) => this.#fail(error),
    });
    options.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** @throws UsageError where the role may not write; ClusterError where the server refuses the statement */
  async prepare(cql: string, { keys, kind, rising }: StatementOptions): Promise<WriteStatement> {
    const hosts: readonly Host[] = this.#cluster.localHosts();
    for (const [i, host] of hosts.entries()) {
      try {
        const { id, parameters } = await this.#wire.prepare(cql, host);
        return { cql, id, parameters, keys, kind, rising };
      } catch (error) {
        const elsewhere = ["unsent", "unsure"].includes(writeFault(error)) && i < hosts.length - 1;
        if (!elsewhere) throw writeFailure(error, `preparing ${cql}`);
      }
    }
    throw new ClusterError(`preparing ${cql}: no node is up`);
  }

  /**
   * Resolves when the next block may be written: so much is under way that the nodes don't wait, and no more.
   * @throws what ended the writing
   */
  async room(): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      const nodes = Math.max(1, this.#cluster.localHosts().length);
      if (this.#held < HELD_BYTES && this.#rows < WINDOWS_AHEAD * nodes * this.#window) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Writes rows; their cells are copied before it returns, so that the block can be used again at once. Resolves when
   * every row was acknowledged by the cluster or rejected, with the rejected ones by their number. Where it throws, rows of
   * the block may have been written.
   * @throws ClusterError where a row could not be written though it was tried for long; UsageError where the role may not write
   */
  write(block: RowBlock): Promise<RowRejection[]> {
    assert(block.cells.length === block.statement.parameters, "a block has cells for every parameter");
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (block.rows === 0) return Promise.resolve([]);
    const frames = this.#framesOf(block);
    const deliveries: Delivery[] = [];
    const fate = new Fate(block.rows, frames, (rows, settled) => this.#settled(rows, settled));
    const { tokens } = this.#tokens;
    for (const frame of frames) {
      const row = frame.rows[0]!;
      // Conditional statements of one partition stand in each other's way.
      const chain = block.statement.kind === "conditional" ? `${tokens[row * 2]} ${tokens[row * 2 + 1]}` : undefined;
      const replicas = this.#replicas.hostsOf(frame.set);
      deliveries.push(delivery(frame, { replicas, receiver: fate, chain }));
    }
    this.#fates.add(fate);
    this.#held += fate.bytes;
    this.#rows += block.rows;
    for (const next of deliveries) this.#deliver(next);
    return fate.result;
  }

  #deliver(next: Delivery): void {
    const { admit } = this.#options;
    if (!admit) this.#dispatcher.deliver(next);
    else {
      admit(next.frame.rows.length).then(
        () => this.#dispatcher.deliver(next),
        (error: unknown) => this.#fail(error),
      );
    }
  }

  #framesOf(block: RowBlock): Frame[] {
    const { statement, rows } = block;
    this.#replicas.refresh();
    this.#tokens.read(block);
    this.#sizes.read(block);
    const { tokens, routable } = this.#tokens;
    const { sizes, weights } = this.#sizes;
    const setOf = (high: number, low: number) => this.#replicas.setOf(high, low);
    const facts = { rows, tokens, routable, sizes, weights, setOf };
    const plan = planFrames(facts, statement.keys.length > 0, frameLimits(statement.kind, this.#options.batchRows));
    return buildFrames(block, plan, sizes, this.#consistencies);
  }

  #settled(rows: number, fate: Fate): void {
    this.#rows -= rows;
    if (fate.isSettled) {
      this.#fates.delete(fate);
      this.#held -= fate.bytes;
      // A request that timed out or was cancelled is not written any more: the driver looks before it asks for its bytes.
      giveBackFrame(fate.memory);
    }
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const fate of this.#fates) fate.fail(error);
    this.#fates.clear();
    this.#wake();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Ends the writing at once: what is under way is not awaited, and its fate not told. */
  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#dispatcher.end();
  }
}

/** What frames of such statements may hold; `batchRows` as WriterOptions has it. */
export function frameLimits(kind: StatementKind, batchRows = DEFAULT_BATCH_ROWS): FrameLimits {
  // A counter that is in doubt shall not take counters of other partitions with it.
  return { rows: kind === "conditional" ? 1 : batchRows, bytes: FRAME_BYTES, mixed: kind === "insert" };
}

/** The level at which conditional statements agree: in the data centre, unless what is written goes beyond it. */
function serialFor(consistency: number): number {
  const { quorum, all, eachQuorum, serial, localSerial } = consistencies;
  return [quorum, all, eachQuorum].includes(consistency) ? serial : localSerial;
}
