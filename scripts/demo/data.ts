/*
 * Owns the demo's tables and rows: made up, but of the shapes that real ones have. The same rows every time.
 */
import driver, { type Client } from "cassandra-driver";

const { types } = driver;

export const EVENTS = 200_000;
export const EMBEDDINGS = 5_000;
const DIMENSION = 384;
const DEVICES = 100;
const DAYS = 10;
const BATCH_ROWS = 100;
const IN_FLIGHT = 32;

const SCHEMA = [
  "CREATE TYPE {ks}.place (site text, floor tinyint, position frozen<tuple<double, double>>)",
  `CREATE TABLE {ks}.events (
     device_id text, day date, event_id timeuuid,
     kind text, value decimal, readings list<double>, tags set<text>, attributes map<text, text>,
     place frozen<place>, received timestamp, source inet, firmware text static,
     PRIMARY KEY ((device_id, day), event_id)) WITH CLUSTERING ORDER BY (event_id DESC)`,
  `CREATE TABLE {ks}.embeddings (
     document_id uuid PRIMARY KEY, title text, embedding vector<float, ${DIMENSION}>, model text, tokens int)`,
];

/** Makes the keyspace anew, and the tables in it. */
export async function createTables(client: Client, keyspace: string): Promise<void> {
  await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { readTimeout: 60_000 });
  await client.execute(
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  for (const statement of SCHEMA) await client.execute(statement.replaceAll("{ks}", keyspace));
}

/** A small generator of numbers in [0, 1) that gives the same ones every time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const KINDS = ["temperature", "humidity", "vibration", "door", "battery", "heartbeat"];
const FIRST_DAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** Writes the events: DEVICES · DAYS partitions of the same number of rows, each in batches of its own. */
export async function writeEvents(client: Client, keyspace: string): Promise<void> {
  const cql = `INSERT INTO ${keyspace}.events (device_id, day, event_id, kind, value, readings, tags, attributes, place, received, source)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  const perPartition = EVENTS / (DEVICES * DAYS);
  const work: (() => Promise<unknown>)[] = [];
  for (let partition = 0; partition < DEVICES * DAYS; partition++) {
    for (let first = 0; first < perPartition; first += BATCH_ROWS) {
      work.push(() => {
        const rows = Array.from({ length: BATCH_ROWS }, (_, i) => event(partition, first + i, perPartition));
        return client.batch(
          rows.map((params) => ({ query: cql, params })),
          { prepare: true, logged: false },
        );
      });
    }
  }
  await inParallel(work);
  const firmware = `UPDATE ${keyspace}.events SET firmware = ? WHERE device_id = ? AND day = ?`;
  await inParallel(
    Array.from({ length: DEVICES }, (_, device) => () => {
      const day = types.LocalDate.fromDate(new Date(FIRST_DAY));
      return client.execute(firmware, [`v${1 + (device % 3)}.${device % 10}`, deviceName(device), day], {
        prepare: true,
      });
    }),
  );
}

function deviceName(device: number): string {
  return `sensor-${String(device).padStart(3, "0")}`;
}

function event(partition: number, row: number, perPartition: number): unknown[] {
  const draw = random(partition * perPartition + row);
  const device = partition % DEVICES;
  const at = FIRST_DAY + Math.floor(partition / DEVICES) * DAY_MS + Math.floor((row * DAY_MS) / perPartition);
  const kind = KINDS[Math.floor(draw() * KINDS.length)]!;
  const node = Buffer.from(`dev${String(device).padStart(3, "0")}`);
  return [
    deviceName(device),
    types.LocalDate.fromDate(new Date(at)),
    types.TimeUuid.fromDate(new Date(at), row % 10_000, node, Buffer.from([row >> 8, row & 255])),
    kind,
    kind === "door" ? null : types.BigDecimal.fromString((draw() * 100).toFixed(1 + (row % 3))),
    Array.from({ length: Math.floor(draw() * 5) }, () => draw() * 10),
    draw() < 0.3 ? ["indoor", kind] : null,
    { unit: kind === "temperature" ? "°C" : "%", batch: String(row % 7) },
    { site: `hall ${device % 5}`, floor: device % 4, position: new types.Tuple(draw() * 50, draw() * 20) },
    new Date(at + Math.floor(draw() * 5000)),
    types.InetAddress.fromString(`10.0.${device % 8}.${1 + (device % 250)}`),
  ];
}

/** Writes one row a partition, each with a vector. */
export async function writeEmbeddings(client: Client, keyspace: string): Promise<void> {
  const cql = `INSERT INTO ${keyspace}.embeddings (document_id, title, embedding, model, tokens) VALUES (?, ?, ?, ?, ?)`;
  await inParallel(
    Array.from({ length: EMBEDDINGS }, (_, i) => () => {
      const draw = random(i);
      const id = Buffer.from(Array.from({ length: 16 }, () => Math.floor(draw() * 256)));
      const vector = Float32Array.from({ length: DIMENSION }, () => draw() * 2 - 1);
      return client.execute(cql, [new types.Uuid(id), `Document ${i}`, vector, "demo-384", Math.floor(draw() * 512)], {
        prepare: true,
      });
    }),
  );
}

/** Runs the pieces of work, some at a time. */
async function inParallel(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let task = work[next++]; task; task = work[next++]) await task();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}
