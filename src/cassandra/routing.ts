/*
 * Owns the way from a row's partition key to the nodes that hold it: which rows of a block belong to one partition,
 * their tokens, and the replicas of a token. Does not know whether a node is up.
 */
import type { Cluster, Host } from "./cluster.ts";
import { hashKey } from "./murmur3.ts";
import { clusterRanges, holders, ringBasis } from "./ring.ts";
import type { ParameterCells, RowBlock } from "./rowblock.ts";

/** A longer key is refused by the server; its parts are as long as two bytes can say. */
const MAX_KEY_BYTES = 0xffff;

/** The partitions of a block's rows. Kept from block to block. */
export class RowTokens {
  /** Two numbers a row: the upper and the lower 32 bits of its token. */
  tokens = new Int32Array(0);
  /** Whether a row has a token: its key is one that a server would take. */
  routable = new Uint8Array(0);
  #key = new Uint8Array(256);

  /** Computes the tokens of all rows. A row of the same partition as the row before costs a comparison only. */
  read({ statement, rows, cells }: RowBlock): void {
    if (this.routable.length < rows) {
      this.tokens = new Int32Array(rows * 2);
      this.routable = new Uint8Array(rows);
    }
    const { tokens, routable } = this;
    const keys = statement.keys.map((parameter) => cells[parameter]!);
    for (let row = 0; row < rows; row++) {
      if (row > 0 && samePartition(keys, row)) {
        tokens[row * 2] = tokens[row * 2 - 2]!;
        tokens[row * 2 + 1] = tokens[row * 2 - 1]!;
        routable[row] = routable[row - 1]!;
      } else {
        routable[row] = this.#hash(keys, row) ? 1 : 0;
      }
    }
  }

  #hash(keys: readonly ParameterCells[], row: number): boolean {
    if (keys.length === 0) return false;
    if (keys.length === 1) {
      const { bytes, index } = keys[0]!;
      const offset = index[row * 2]!;
      const length = index[row * 2 + 1]!;
      if (length <= 0 || length > MAX_KEY_BYTES) return false;
      hashKey(bytes, offset, offset + length, this.tokens, row * 2);
      return true;
    }
    const size = serializedSize(keys, row);
    if (size < 0 || size > MAX_KEY_BYTES) return false;
    if (size > this.#key.length) this.#key = new Uint8Array(MAX_KEY_BYTES);
    serializeKey(keys, row, this.#key);
    hashKey(this.#key, 0, size, this.tokens, row * 2);
    return true;
  }
}

function samePartition(keys: readonly ParameterCells[], row: number): boolean {
  for (const { bytes, index } of keys) {
    const length = index[row * 2 + 1]!;
    if (length !== index[row * 2 - 1]!) return false;
    const here = index[row * 2]!;
    const before = index[row * 2 - 2]!;
    for (let i = 0; i < length; i++) if (bytes[here + i] !== bytes[before + i]) return false;
  }
  return keys.length > 0;
}

/** Bytes of a composite key, -1 where a part has no value. */
function serializedSize(keys: readonly ParameterCells[], row: number): number {
  let size = 0;
  for (const { index } of keys) {
    const length = index[row * 2 + 1]!;
    if (length < 0) return -1;
    size += length + 3;
  }
  return size;
}

/** A composite key as its token is computed of: of each part its length in two bytes, its bytes, and a zero. */
function serializeKey(keys: readonly ParameterCells[], row: number, to: Uint8Array): void {
  let at = 0;
  for (const { bytes, index } of keys) {
    const offset = index[row * 2]!;
    const length = index[row * 2 + 1]!;
    to[at] = length >> 8;
    to[at + 1] = length;
    for (let i = 0; i < length; i++) to[at + 2 + i] = bytes[offset + i]!;
    to[at + 2 + length] = 0;
    at += length + 3;
  }
}

/** Who holds which tokens of a keyspace; nodes of the local data centre where it has any. */
export class Replicas {
  readonly #cluster: Cluster;
  readonly #keyspace: string;
  /** Ends of the ring's ranges in order, as upper and lower halves, and the number of the set that holds each. */
  #high = new Int32Array(0);
  #low = new Uint32Array(0);
  #set = new Int32Array(0);
  #sets: readonly (readonly Host[])[] = [];
  #basis: readonly unknown[] = [Symbol("nothing read")];

  constructor(cluster: Cluster, keyspace: string) {
    this.#cluster = cluster;
    this.#keyspace = keyspace;
  }

  /** Reads the ring again where nodes came or went, or the keyspace's replication changed. */
  refresh(): void {
    const basis = ringBasis(this.#cluster, this.#keyspace);
    if (basis.every((part, i) => part === this.#basis[i])) return;
    this.#basis = basis;
    const ranges = clusterRanges(this.#cluster);
    const numbers = new Map<string, number>();
    const sets: (readonly Host[])[] = [];
    this.#high = new Int32Array(ranges.length);
    this.#low = new Uint32Array(ranges.length);
    this.#set = new Int32Array(ranges.length);
    ranges.forEach(({ end }, i) => {
      const hosts = holders(this.#cluster, this.#keyspace, end);
      const name = hosts
        .map((host) => host.address)
        .sort()
        .join(" ");
      let number = numbers.get(name);
      if (number === undefined) {
        number = sets.push(hosts) - 1;
        numbers.set(name, number);
      }
      this.#high[i] = Number(end >> 32n);
      this.#low[i] = Number(BigInt.asUintN(32, end));
      this.#set[i] = number;
    });
    this.#sets = sets;
  }

  /** The number of the set that holds a token. */
  setOf(high: number, low: number): number {
    const unsigned = low >>> 0;
    let first = 0;
    let last = this.#set.length - 1;
    // The range that a token belongs to is the first one that does not end before it.
    while (first < last) {
      const middle = (first + last) >> 1;
      const end = this.#high[middle]!;
      if (end < high || (end === high && this.#low[middle]! < unsigned)) first = middle + 1;
      else last = middle;
    }
    return this.#set[first]!;
  }

  /** The nodes of a set; none for -1, and none that are known where the keyspace has no replicas in the data centre. */
  hostsOf(set: number): readonly Host[] {
    return this.#sets[set] ?? [];
  }
}
