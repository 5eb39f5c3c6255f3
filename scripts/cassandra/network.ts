/*
 * Owns addresses and ports: loopback addresses and ports that nobody uses, so that clusters don't meet.
 */
import { createServer } from "node:net";
import { UsageError } from "../../src/base/errors.ts";

export interface Places {
  readonly addresses: readonly string[];
  readonly nativePort: number;
  /** Cassandra wants one storage port on all nodes of a cluster. */
  readonly storagePort: number;
  /** JMX binds 127.0.0.1 only, so each node has its own. */
  readonly jmxPorts: readonly number[];
}

// Below the ports that systems hand out for outgoing connections: those could take ours before the node binds it.
const lowestPort = 20_000;
const highestPort = 32_000;
const attempts = 50;

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** What binding fails with, or nothing when the port is free. */
function bindFailure(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Free places for a cluster of `count` nodes. */
export async function findPlaces(count: number): Promise<Places> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    // Linux answers on all of 127.0.0.0/8: a subnet of its own keeps two clusters apart even if they start together.
    const subnet = process.platform === "linux" ? 1 + below(254) : 0;
    const addresses = Array.from({ length: count }, (_, i) => `127.0.${subnet}.${i + 1}`);
    const nativePort = lowestPort + below(highestPort - lowestPort);
    const jmxPorts = addresses.map((_, i) => nativePort + 2 + i);
    const wanted = addresses.flatMap((address) => [
      { address, port: nativePort },
      { address, port: nativePort + 1 },
    ]);
    for (const port of jmxPorts) wanted.push({ address: "127.0.0.1", port });
    const failures = await Promise.all(wanted.map(({ address, port }) => bindFailure(address, port)));
    if (failures.includes("EADDRNOTAVAIL")) throw missingAddress(addresses);
    if (failures.every((failure) => failure === undefined)) {
      return { addresses, nativePort, storagePort: nativePort + 1, jmxPorts };
    }
  }
  throw new UsageError(`no free ports between ${lowestPort} and ${highestPort} after ${attempts} attempts`);
}

function missingAddress(addresses: readonly string[]): UsageError {
  const aliases = addresses.slice(1).map((address) => `sudo ifconfig lo0 alias ${address}`);
  return new UsageError(`this system doesn't answer on ${addresses.join(", ")}`, {
    hint: `Add the loopback addresses: ${aliases.join("; ")}`,
  });
}
