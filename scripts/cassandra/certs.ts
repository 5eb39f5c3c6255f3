/*
 * Owns the certificates of a TLS cluster: an authority of its own, the server's certificate for the addresses of the
 * nodes, a client's, and an authority that nobody trusts for the tests that must fail.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCertTool } from "./java.ts";

/** All paths. Stores are PKCS12; their password is `storePassword`. */
export interface TlsFiles {
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly clientStore: string;
  /** A self-signed authority that neither side trusts; it serves as a client's certificate as well. */
  readonly untrustedCa: string;
  readonly untrustedKey: string;
  readonly serverStore: string;
  readonly trustStore: string;
}

export const storePassword = "cassandra";

const days = "3650";

function selfSigned(dir: string, name: string): void {
  const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`];
  runCertTool("openssl", ["req", "-x509", ...key, "-out", `${name}.pem`, "-days", days, "-subj", `/CN=${name}`], dir);
}

function signed(dir: string, name: string, alternativeNames: string): void {
  const openssl = (...args: string[]) => runCertTool("openssl", args, dir);
  writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${alternativeNames}\n`);
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
    "-subj",
    `/CN=${name}`,
  );
  const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  const request = ["-req", "-in", `${name}.csr`, "-extfile", `${name}.ext`];
  openssl("x509", ...request, ...authority, "-out", `${name}.pem`, "-days", days);
  const inputs = ["-in", `${name}.pem`, "-inkey", `${name}.key`, "-certfile", "ca.pem"];
  openssl("pkcs12", "-export", ...inputs, "-name", name, "-passout", `pass:${storePassword}`, "-out", `${name}.p12`);
}

/** Makes the certificates in `dir`. */
export function makeCerts(dir: string, addresses: readonly string[], keytool: string): TlsFiles {
  mkdirSync(dir, { recursive: true });
  selfSigned(dir, "ca");
  signed(dir, "server", ["DNS:localhost", ...addresses.map((address) => `IP:${address}`)].join(","));
  signed(dir, "client", "DNS:client");
  selfSigned(dir, "untrusted");
  // openssl can't make a store whose certificates Java takes as trusted.
  const store = ["-keystore", "trust.p12", "-storetype", "PKCS12", "-storepass", storePassword];
  runCertTool(keytool, ["-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem", ...store], dir);
  const path = (name: string) => join(dir, name);
  return {
    ca: path("ca.pem"),
    clientCert: path("client.pem"),
    clientKey: path("client.key"),
    clientStore: path("client.p12"),
    untrustedCa: path("untrusted.pem"),
    untrustedKey: path("untrusted.key"),
    serverStore: path("server.p12"),
    trustStore: path("trust.p12"),
  };
}
