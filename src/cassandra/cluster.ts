/*
 * Owns the connection to a cluster: contact points, login, the local data centre, and single statements. What is read
 * page by page is in pages.ts, what TLS needs in tls.ts.
 */
import driver, { type Client, type types as DriverTypes } from "cassandra-driver";
import { ClusterError, UsageError } from "../base/errors.ts";
import { bundleFailure, checkBundle } from "./bundle.ts";
import { clusterFailure, hungUp, refusalOf } from "./failure.ts";
import { changeDriver } from "./rawrows.ts";
import { socketOptions, speaksTls, type TlsOptions } from "./tls.ts";

const { policies, types } = driver;

/** How to reach a cluster. */
export interface ClusterOptions {
  /** `host`, `host:port` or `[v6]:port`, tried in turn; not used with a bundle. */
  readonly hosts: readonly string[];
  /** Found from the first host that answers where it is not said. */
  readonly dataCenter?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Without it the connection is plain. */
  readonly tls?: TlsOptions | undefined;
  /** The path of a secure connect bundle, which says hosts and certificates by itself. */
  readonly bundle?: string | undefined;
  /** A consistency level's name; LOCAL_QUORUM where it is not said. */
  readonly consistency?: string | undefined;
  /** Milliseconds a request may take. */
  readonly requestTimeoutMs?: number | undefined;
}

export type Host = driver.Host;
type Policy = driver.policies.loadBalancing.LoadBalancingPolicy;

/** Of the CQL native protocol: the newest that the driver speaks, and all servers from 3.0 on. */
const PROTOCOL_VERSION = 4;
const DEFAULT_PORT = 9042;
const CONNECT_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 12_000;
const AGREEMENT_TIMEOUT_MS = 60_000;
const AGREEMENT_WAIT_MS = 200;

/** A connected cluster. */
export class Cluster {
  readonly client: Client;
  readonly consistency: { readonly name: string; readonly code: DriverTypes.consistencies };
  readonly requestTimeoutMs: number;
  readonly #policy: LocalDataCenter;

  private constructor(client: Client, policy: LocalDataCenter, consistency: Cluster["consistency"], timeout: number) {
    this.client = client;
    this.consistency = consistency;
    this.requestTimeoutMs = timeout;
    this.#policy = policy;
  }

  /** @throws UsageError for a refused login or bad options; ClusterError where no host answers */
  static async connect(options: ClusterOptions): Promise<Cluster> {
    changeDriver();
    const consistency = consistencyOf(options.consistency ?? "LOCAL_QUORUM");
    const policy = new LocalDataCenter(options.dataCenter);
    const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const client = new driver.Client({
      ...meansOfAccess(options),
      ...(options.username === undefined
        ? {}
        : { credentials: { username: options.username, password: options.password ?? "" } }),
      policies: {
        loadBalancing: policy as unknown as Policy,
        // Requests are tried again in one place, by the operation, which knows the paging state to go on from.
        retry: new policies.retry.FallthroughRetryPolicy(),
      },
      // Asked for more, the driver fails on servers with client certificates instead of falling back.
      // The schema's agreement is waited for in `change`.
      protocolOptions: { maxVersion: PROTOCOL_VERSION, maxSchemaAgreementWaitSeconds: 0, ...portOf(options) },
      socketOptions: { connectTimeout: CONNECT_TIMEOUT_MS, readTimeout: requestTimeoutMs },
      pooling: { coreConnectionsPerHost: { [types.distance.local]: 2 }, warmup: true },
    });
    try {
      await client.connect();
    } catch (error) {
      await client.shutdown();
      throw await connectFailure(error, options);
    }
    return new Cluster(client, policy, consistency, requestTimeoutMs);
  }

  /** The hosts of the local data centre that are up. */
  localHosts(): Host[] {
    return this.client.hosts.values().filter((host) => this.#policy.isLocal(host) && host.isUp());
  }

  /** Whether all of these hosts say that they are of this major version of Cassandra, or of a later one. */
  isAtLeast(major: number): boolean {
    return this.localHosts().every((host) => Number.parseInt(host.cassandraVersion, 10) >= major);
  }

  get dataCenter(): string {
    return this.#policy.dataCenter ?? "";
  }

  /** Runs a small statement; its rows come decoded by the driver. `host` fixes who answers. */
  async query(cql: string, parameters: readonly unknown[] = [], host?: Host): Promise<DriverTypes.Row[]> {
    try {
      const options = { prepare: parameters.length > 0, isIdempotent: true, ...(host ? { host } : {}) };
      const result = await this.client.execute(cql, [...parameters], options);
      const rows: DriverTypes.Row[] = [];
      // All pages; a keyspace may well have more columns than a page has rows.
      if (result.rows) for await (const row of result) rows.push(row);
      return rows;
    } catch (error) {
      throw clusterFailure(error, `asking ${host?.address ?? "the cluster"} for ${cql}`);
    }
  }

  /**
   * Runs a statement that changes the schema, and waits until the nodes of the data centre know of it.
   * @throws UsageError where the server refuses it, in its words
   */
  async change(cql: string): Promise<void> {
    const doing = `running ${cql}`;
    try {
      await this.client.execute(cql, []);
    } catch (error) {
      const refusal = refusalOf(error);
      throw refusal === undefined
        ? clusterFailure(error, doing)
        : new UsageError(`${doing}: ${refusal}`, { cause: error });
    }
    await this.agreement(doing);
  }

  /**
   * Waits until all nodes of the data centre that are up have the same schema; those that are down learn of it when they
   * come back. @throws ClusterError where they don't agree in time
   */
  async agreement(doing: string): Promise<void> {
    const until = Date.now() + AGREEMENT_TIMEOUT_MS;
    for (;;) {
      const cql = "SELECT schema_version FROM system.local";
      const answers = await Promise.all(this.localHosts().map((host) => this.query(cql, [], host)));
      if (new Set(answers.map(([row]) => String(row?.schema_version))).size <= 1) return;
      if (Date.now() > until) {
        throw new ClusterError(`${doing}: the nodes do not agree on the schema`, {
          hint: "nodetool describecluster shows which of them differ; try again when they agree",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, AGREEMENT_WAIT_MS));
    }
  }

  async close(): Promise<void> {
    await this.client.shutdown();
  }
}

/** Hosts of one data centre in turn: the one that was said, or that of the host which answered first. */
class LocalDataCenter extends policies.loadBalancing.LoadBalancingPolicy {
  dataCenter: string | undefined;
  #hosts: { values(): Host[] } | undefined;
  #next = 0;

  constructor(dataCenter: string | undefined) {
    super();
    this.dataCenter = dataCenter;
  }

  override init(client: Client, hosts: driver.HostMap, callback: driver.EmptyCallback): void {
    const done = callback as (error?: Error) => void;
    this.#hosts = hosts;
    const { controlConnection } = client as unknown as { controlConnection: { host?: Host } };
    this.dataCenter ??= controlConnection.host?.datacenter;
    const known = [...new Set(hosts.values().map((host) => host.datacenter))];
    if (this.dataCenter === undefined) {
      done(new ClusterError("the host that answered does not say its data centre", { hint: "say it with --dc" }));
    } else if (known.includes(this.dataCenter)) {
      done();
    } else {
      done(new UsageError(`the cluster has no data centre ${this.dataCenter}`, { hint: `it has ${known.join(", ")}` }));
    }
  }

  isLocal(host: Host): boolean {
    return host.datacenter === this.dataCenter;
  }

  override getDistance(host: Host): DriverTypes.distance {
    return this.isLocal(host) ? types.distance.local : types.distance.ignored;
  }

  override newQueryPlan(
    _keyspace: string,
    _options: driver.ExecutionOptions,
    callback: (error: Error, plan: Iterator<Host>) => void,
  ): void {
    const done = callback as (error: Error | null, plan: Iterator<Host>) => void;
    const hosts = this.#hosts?.values().filter((host) => this.isLocal(host)) ?? [];
    const first = this.#next++;
    let given = 0;
    done(null, {
      next: () =>
        given < hosts.length
          ? { done: false, value: hosts[(first + given++) % hosts.length]! }
          : { done: true, value: undefined },
    });
  }
}

function consistencyOf(name: string): Cluster["consistency"] {
  const levels = types.consistencies as unknown as Record<string, number | undefined>;
  const lower = name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const code = levels[lower];
  if (code === undefined) {
    throw new UsageError(`${name} is not a consistency level`, {
      hint: "for example LOCAL_QUORUM, LOCAL_ONE, QUORUM, ONE or ALL",
    });
  }
  return { name: name.toUpperCase(), code };
}

/** Where the nodes are, and how they are spoken to. */
function meansOfAccess(options: ClusterOptions): driver.ClientOptions {
  const { bundle, tls } = options;
  if (bundle !== undefined) {
    checkBundle(bundle);
    return { cloud: { secureConnectBundle: bundle } };
  }
  const places = options.hosts.map(placeOf);
  const names = places.map((place) => place.host);
  return {
    contactPoints: places.map(contactPoint),
    ...(tls ? { sslOptions: socketOptions(tls, names) } : {}),
  };
}

/** Nodes tell each other's addresses, not their ports: all of a cluster have the one of the first. */
function portOf({ bundle, hosts: [first] }: ClusterOptions): { readonly port?: number } {
  return bundle !== undefined || first === undefined ? {} : { port: placeOf(first).port };
}

async function connectFailure(error: unknown, options: ClusterOptions): Promise<Error> {
  if (options.bundle !== undefined) return bundleFailure(error, options.bundle);
  const places = options.hosts.map(placeOf);
  const failure = clusterFailure(error, `connecting to ${places.map(contactPoint).join(", ")}`);
  if (options.tls || !hungUp(error)) return failure;
  // A server that wants TLS hangs up on anything else, without a word why.
  for (const { host, port } of places) {
    if (!(await speaksTls(host, port))) continue;
    return new UsageError(`${contactPoint({ host, port })} asks for TLS`, {
      cause: error,
      hint: "say --tls, and with --tls-ca the certificate of the authority that the nodes' certificates come from",
    });
  }
  return failure;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** A host as it may be written: `name`, `name:port`, `v6`, `[v6]` or `[v6]:port`. */
function placeOf(text: string): Place {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { host: bracketed ?? plain ?? text, port: port === undefined ? DEFAULT_PORT : Number(port) };
}

/** The driver takes `host:port`, and an IPv6 address only in brackets. */
function contactPoint({ host, port }: Place): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
