/*
 * Owns what a node is started with: cassandra.yaml, the logging configuration and the command line of Java. All three
 * aim at a node that starts fast, uses little memory and has every feature on that the fixtures need.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { storePassword, type TlsFiles } from "./certs.ts";
import { type CassandraVersion, jammIn } from "./jars.ts";

export type TlsMode = "none" | "optional" | "required" | "mutual";

export interface NodeConfig {
  readonly version: CassandraVersion;
  readonly dir: string;
  readonly address: string;
  readonly nativePort: number;
  readonly storagePort: number;
  readonly jmxPort: number;
  readonly seeds: readonly string[];
  readonly tokens: readonly string[];
  readonly auth: boolean;
  readonly tls: TlsFiles | undefined;
  readonly tlsMode: TlsMode;
  readonly yaml: string;
  readonly heap: string;
  readonly fullJit: boolean;
  readonly restartable: boolean;
}

/** Tokens of node `index`: spread evenly over the ring, the nodes taking turns. */
export function tokensOf(index: number, nodes: number, perNode: number): string[] {
  const step = 2n ** 64n / BigInt(nodes * perNode);
  // An odd offset, so that no range begins at the minimum token: the wrap-around range must exist.
  const first = -(2n ** 63n) + 1_234_567n;
  return Array.from({ length: perNode }, (_, i) => String(first + step * BigInt(i * nodes + index)));
}

type Settings = Record<string, unknown>;

/** Settings whose names depend on the version. */
function namedSettings(config: NodeConfig): Settings {
  const { version, auth } = config;
  const validities = ["permissions_validity", "roles_validity", "credentials_validity"];
  const old = version === "4.0";
  const authSettings = {
    authenticator: "PasswordAuthenticator",
    authorizer: "CassandraAuthorizer",
    role_manager: "CassandraRoleManager",
    ...Object.fromEntries(validities.map((name) => (old ? [`${name}_in_ms`, 0] : [name, "0ms"]))),
  };
  return {
    ...(old ? { commitlog_sync_period_in_ms: 10_000 } : { commitlog_sync_period: "10000ms" }),
    ...(old
      ? { enable_materialized_views: true, enable_user_defined_functions: true, enable_sasi_indexes: true }
      : { materialized_views_enabled: true, user_defined_functions_enabled: true, sasi_indexes_enabled: true }),
    ...(version === "5.0" ? { dynamic_data_masking_enabled: true } : {}),
    ...(auth ? authSettings : {}),
  };
}

function tlsSettings({ tls, tlsMode }: NodeConfig): Settings {
  if (!tls) return {};
  const options = {
    enabled: true,
    optional: tlsMode === "optional",
    require_client_auth: tlsMode === "mutual",
    keystore: tls.serverStore,
    keystore_password: storePassword,
    truststore: tls.trustStore,
    truststore_password: storePassword,
    store_type: "PKCS12",
  };
  return { client_encryption_options: options };
}

/** The text of cassandra.yaml: our settings (JSON is YAML), without those that the user's own text names, then that text. */
export function yamlOf(config: NodeConfig): string {
  const { dir, address, nativePort, storagePort, seeds, tokens } = config;
  const seedProvider = {
    class_name: "org.apache.cassandra.locator.SimpleSeedProvider",
    parameters: [{ seeds: seeds.map((seed) => `${seed}:${storagePort}`).join(",") }],
  };
  const settings: Settings = {
    cluster_name: "cqlduck",
    num_tokens: tokens.length,
    initial_token: tokens.join(","),
    partitioner: "org.apache.cassandra.dht.Murmur3Partitioner",
    endpoint_snitch: "SimpleSnitch",
    commitlog_sync: "periodic",
    listen_address: address,
    rpc_address: address,
    native_transport_port: nativePort,
    storage_port: storagePort,
    auto_bootstrap: false,
    data_file_directories: [join(dir, "data")],
    commitlog_directory: join(dir, "commitlog"),
    saved_caches_directory: join(dir, "saved_caches"),
    hints_directory: join(dir, "hints"),
    cdc_raw_directory: join(dir, "cdc_raw"),
    cdc_enabled: true,
    // Without it every dropped table leaves a snapshot on the disk.
    auto_snapshot: false,
    seed_provider: [seedProvider],
    ...namedSettings(config),
    ...tlsSettings(config),
  };
  const theirs = new Set([...config.yaml.matchAll(/^(\w+):/gm)].map((match) => match[1]));
  const ours = Object.entries(settings).filter(([name]) => !theirs.has(name));
  return `${ours.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join("\n")}\n${config.yaml}\n`;
}

/** Warnings, and the INFO line that says the node listens. Without a configuration everything is logged at DEBUG. */
export const logback = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5p %logger{0} %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
  <logger name="org.apache.cassandra.transport.PipelineConfigurator" level="INFO"/>
  <logger name="org.apache.cassandra.transport.Server" level="INFO"/>
</configuration>
`;

const exportedPackages = [
  "java.base/jdk.internal.misc",
  "java.base/jdk.internal.ref",
  "java.management.rmi/com.sun.jmx.remote.internal.rmi",
  "java.rmi/sun.rmi.registry",
  "java.rmi/sun.rmi.server",
  "java.rmi/sun.rmi.transport.tcp",
];

const openedPackages = [
  ...["io", "lang", "lang.invoke", "lang.module", "lang.ref", "lang.reflect", "math", "net", "nio", "nio.charset"],
  ...["nio.file", "nio.file.attribute", "security", "text", "time", "util", "util.concurrent"],
  ...["util.concurrent.atomic", "util.concurrent.locks", "util.regex", "util.stream"],
].map((name) => `java.base/java.${name}`);

const openedInternals = [
  ...["loader", "math", "misc", "module", "ref", "reflect", "util.jar"].map((name) => `java.base/jdk.internal.${name}`),
  ...["java.base/sun.nio.ch", "java.base/sun.nio.fs"],
  ...["java.management/javax.management", "java.rmi/sun.rmi.transport.tcp", "java.sql/java.sql"],
];

/** The arguments of `java` for a node whose files are written already. */
export function javaArguments(config: NodeConfig, lib: string): string[] {
  const { dir } = config;
  const system = {
    "logback.configurationFile": join(dir, "logback.xml"),
    "cassandra.config": pathToFileURL(join(dir, "cassandra.yaml")).href,
    "cassandra.storagedir": dir,
    "cassandra.logdir": dir,
    "cassandra-foreground": "yes",
    "java.io.tmpdir": join(dir, "tmp"),
    // All nodes start at once with known tokens: nothing to wait for.
    "cassandra.ring_delay_ms": "1000",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.consistent.rangemovement": "false",
    "cassandra.superuser_setup_delay_ms": "0",
    "cassandra.shutdown_announce_in_ms": "0",
    // Flushing every schema change takes most of the time of tests that make many tables. But a node that starts again
    // reads the schema before it replays its commit log, so it must have been flushed.
    "cassandra.test.flush_local_schema_changes": String(config.restartable),
    // 4.0 doesn't start without JMX.
    ...(config.version === "4.0" ? { "cassandra.jmx.local.port": String(config.jmxPort) } : {}),
  };
  return [
    `-Xmx${config.heap}`,
    `-Xms${config.heap}`,
    "-XX:+UseSerialGC",
    ...(config.fullJit ? [] : ["-XX:TieredStopAtLevel=1"]),
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Xss512k",
    ...exportedPackages.flatMap((name) => ["--add-exports", `${name}=ALL-UNNAMED`]),
    ...[...openedPackages, ...openedInternals].flatMap((name) => ["--add-opens", `${name}=ALL-UNNAMED`]),
    `-javaagent:${jammIn(lib)}`,
    ...Object.entries(system).map(([name, value]) => `-D${name}=${value}`),
    ...["-cp", join(lib, "*"), "org.apache.cassandra.service.CassandraDaemon"],
  ];
}
