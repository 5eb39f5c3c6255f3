/*
 * Owns counting what a writer would send: takes the same blocks, plans the same frames, and writes nothing.
 */
import type { Cluster } from "./cluster.ts";
import { RowSizes } from "./frames.ts";
import { planFrames } from "./grouping.ts";
import { Replicas, RowTokens } from "./routing.ts";
import type { RowBlock, WriteStatement } from "./rowblock.ts";
import { frameLimits, type RowWriter, type StatementOptions } from "./writer.ts";

export class BatchCounter implements RowWriter {
  /** Requests that would be sent. */
  requests = 0;
  rows = 0;
  readonly #batchRows: number | undefined;
  readonly #replicas: Replicas;
  readonly #tokens = new RowTokens();
  readonly #sizes = new RowSizes();
  readonly #partitions = new Set<string>();

  constructor(cluster: Cluster, options: { readonly keyspace: string; readonly batchRows?: number | undefined }) {
    this.#replicas = new Replicas(cluster, options.keyspace);
    this.#batchRows = options.batchRows;
  }

  /** Partitions that the rows so far are of. */
  get partitions(): number {
    return this.#partitions.size;
  }

  /** The statement without asking the server, whose table may not be there yet. */
  async prepare(cql: string, options: StatementOptions): Promise<WriteStatement> {
    return { ...options, cql, id: new Uint8Array(), parameters: 0, rising: undefined };
  }

  async room(): Promise<void> {}

  async write(given: RowBlock): Promise<[]> {
    const { rows, cells } = given;
    const statement = { ...given.statement, parameters: cells.length };
    const block = { ...given, statement };
    this.#replicas.refresh();
    this.#tokens.read(block);
    this.#sizes.read(block);
    const { tokens, routable } = this.#tokens;
    const { sizes, weights } = this.#sizes;
    const setOf = (high: number, low: number) => this.#replicas.setOf(high, low);
    const facts = { rows, tokens, routable, sizes, weights, setOf };
    const limits = frameLimits(statement.kind, this.#batchRows);
    this.requests += planFrames(facts, statement.keys.length > 0, limits).ends.length;
    this.rows += rows;
    for (let row = 0; row < rows; row++) this.#partitions.add(`${tokens[row * 2]} ${tokens[row * 2 + 1]}`);
    return [];
  }
}
