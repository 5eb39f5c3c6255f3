/*
 * Owns a made-up secure connect bundle and the two services behind it: the one that says where the database is, and
 * the proxy in front of its nodes. A single node behind the proxy is always the right one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { connect as connectTls, createServer as createTls } from "node:tls";
import { crc32 } from "node:zlib";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { runCertTool } from "../../scripts/cassandra/java.ts";

const LOCAL = "127.0.0.1";

export interface Relay {
  readonly port: number;
  close(): void;
}

function listening(server: Server, host: string): Promise<Relay> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => void server.close() });
    });
  });
}

function joinBoth(near: Socket, far: Socket): void {
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
  near.pipe(far).pipe(near);
}

/** Another address and port for a cluster's first node. */
export function relayTo(cluster: Pick<Cluster, "hosts" | "port">, host: string): Promise<Relay> {
  const server = createServer((near) => {
    joinBoth(near, connect(cluster.port, cluster.hosts[0]));
  });
  return listening(server, host);
}

/** The services in front of a cluster's node. */
export interface Front extends Relay {
  /** The servers that the proxy was asked for, by name. */
  readonly asked: (string | false)[];
}

/**
 * The service that tells a driver where the database is, and the proxy that it names, which finds the node by the name
 * that TLS asks for. The driver wants the proxy's address in the name of its certificate.
 */
export async function frontOf(cluster: Cluster, hostId: string): Promise<Front> {
  const { ca, clientCert, clientKey } = cluster.tls!;
  const certs = dirname(ca);
  const openssl = (...args: string[]) => runCertTool("openssl", args, certs);
  const request = ["-newkey", "rsa:2048", "-nodes", "-keyout", "front.key", "-out", "front.csr"];
  openssl("req", ...request, "-subj", `/CN=${LOCAL}`);
  writeFileSync(join(certs, "front.ext"), `subjectAltName=IP:${LOCAL}\n`);
  const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
  openssl("x509", "-req", "-in", "front.csr", "-extfile", "front.ext", ...authority, "-out", "front.pem");
  const read = (name: string) => readFileSync(join(certs, name));
  const identity = { cert: read("front.pem"), key: read("front.key"), ca: read("ca.pem"), requestCert: true };
  const asked: (string | false)[] = [];
  const node = { host: cluster.hosts[0]!, port: cluster.port, ca: readFileSync(ca) };
  const client = { cert: readFileSync(clientCert), key: readFileSync(clientKey) };
  const proxy = await listening(
    createTls({ ...identity, rejectUnauthorized: true }, (near) => {
      asked.push(near.servername ?? false);
      joinBoth(near, connectTls({ ...node, ...client }));
    }),
    LOCAL,
  );
  const contact = { contact_points: [hostId], local_dc: "datacenter1", sni_proxy_address: `${LOCAL}:${proxy.port}` };
  const service = await listening(
    createHttps({ ...identity, rejectUnauthorized: true }, (_, response) => {
      response.end(JSON.stringify({ version: 1, contact_info: { type: "sni_proxy", ...contact } }));
    }),
    LOCAL,
  );
  const close = () => {
    proxy.close();
    service.close();
  };
  return { port: service.port, asked, close };
}

/** Writes a bundle that names the service. */
export function writeBundle(path: string, cluster: Cluster, servicePort: number, ca = cluster.tls!.ca): void {
  const { clientCert, clientKey } = cluster.tls!;
  const config = JSON.stringify({ host: LOCAL, port: servicePort });
  const files = { "config.json": config, "ca.crt": ca, cert: clientCert, key: clientKey };
  const entries = Object.entries(files).map(([name, text]) => {
    return [name, name === "config.json" ? Buffer.from(text) : readFileSync(text)] as const;
  });
  writeFileSync(path, zip(entries));
}

/** A zip file of entries that are stored as they are. */
export function zip(entries: readonly (readonly [name: string, data: Buffer])[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of entries) {
    // Version, flags, method, time, date, checksum, both sizes, the name's length, no extra field: as both headers say it.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(offset, 10);
    const entry = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), data]);
    central.push(Buffer.from("PK\x01\x02\x14\x00"), common, where, Buffer.from(name));
    local.push(entry);
    offset += entry.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(Buffer.concat(central).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, ...central, Buffer.from("PK\x05\x06"), end]);
}
