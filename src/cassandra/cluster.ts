/*
 * Owns the connection to a cluster: contact points, login, the local data centre, and single statements. What is read
 * page by page is in pages.ts.
 */
import driver, { type Client, type types as DriverTypes } from "cassandra-driver";
import { ClusterError, UsageError } from "../base/errors.ts";
import { clusterFailure } from "./failure.ts";
import { keepRawRows } from "./rawrows.ts";

const { policies, types } = driver;

export interface ClusterOptions {
  /** `host`, `host:port` or `[v6]:port`. */
  readonly hosts: readonly string[];
  readonly dataCenter?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** A consistency level's name; LOCAL_QUORUM where it is not said. */
  readonly consistency?: string | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

export type Host = driver.Host;
type Policy = driver.policies.loadBalancing.LoadBalancingPolicy;

/** Of the CQL native protocol: the newest that the driver speaks, and all servers from 3.0 on. */
const PROTOCOL_VERSION = 4;
const DEFAULT_PORT = 9042;
const CONNECT_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 12_000;

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
    keepRawRows();
    const consistency = consistencyOf(options.consistency ?? "LOCAL_QUORUM");
    const policy = new LocalDataCenter(options.dataCenter);
    const contactPoints = options.hosts.map(contactPoint);
    const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const client = new driver.Client({
      contactPoints,
      ...(options.username === undefined
        ? {}
        : { credentials: { username: options.username, password: options.password ?? "" } }),
      policies: {
        loadBalancing: policy as unknown as Policy,
        // Requests are tried again in one place, by the operation, which knows the paging state to go on from.
        retry: new policies.retry.FallthroughRetryPolicy(),
      },
      // Asked for more, the driver fails on servers with client certificates instead of falling back.
      protocolOptions: { maxVersion: PROTOCOL_VERSION },
      socketOptions: { connectTimeout: CONNECT_TIMEOUT_MS, readTimeout: requestTimeoutMs },
      pooling: { coreConnectionsPerHost: { [types.distance.local]: 2 }, warmup: true },
    });
    try {
      await client.connect();
    } catch (error) {
      await client.shutdown();
      throw clusterFailure(error, `connecting to ${contactPoints.join(", ")}`);
    }
    return new Cluster(client, policy, consistency, requestTimeoutMs);
  }

  /** The hosts of the local data centre that are up. */
  localHosts(): Host[] {
    return this.client.hosts.values().filter((host) => this.#policy.isLocal(host) && host.isUp());
  }

  get dataCenter(): string {
    return this.#policy.dataCenter ?? "";
  }

  /** Runs a small statement; its rows come decoded by the driver. `host` fixes who answers. */
  async query(cql: string, parameters: readonly unknown[] = [], host?: Host): Promise<DriverTypes.Row[]> {
    try {
      const options = { prepare: parameters.length > 0, isIdempotent: true, ...(host ? { host } : {}) };
      const result = await this.client.execute(cql, [...parameters], options);
      return result.rows ?? [];
    } catch (error) {
      throw clusterFailure(error, `asking ${host?.address ?? "the cluster"} for ${cql}`);
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

/** The driver takes `host:port`, and a bare IPv6 address only in brackets. */
function contactPoint(host: string): string {
  if (/^\[.+\](:\d+)?$/.test(host)) return host.includes("]:") ? host : `${host}:${DEFAULT_PORT}`;
  if (host.split(":").length > 2) return `[${host}]:${DEFAULT_PORT}`;
  return host.includes(":") ? host : `${host}:${DEFAULT_PORT}`;
}
