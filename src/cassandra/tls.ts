/*
 * Owns TLS to the nodes: the certificate files as the driver wants them, whose name a certificate may bear, and what a
 * failed handshake means to the user. The codes are those that Node, Bun and Deno agree on.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { checkServerIdentity, connect, type ConnectionOptions as SocketOptions } from "node:tls";
import { messageOf, UsageError } from "../base/errors.ts";
import { errorCode, storageError } from "../base/filefailure.ts";

/** Paths of PEM files, and whether servers are verified. */
export interface TlsOptions {
  /** The authorities that servers' certificates must come from; those of the runtime where it is absent. */
  readonly ca?: string | undefined;
  /** The client's own certificate, for clusters that ask for one, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** False takes any certificate: who stands between can then read along. */
  readonly verify?: boolean | undefined;
}

type Peer = Parameters<typeof checkServerIdentity>[1];

const CERTIFICATE = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/;
const HANDSHAKE_PATIENCE_MS = 2000;

/**
 * What the driver passes on to tls.connect.
 * @param names the hosts as the user said them
 * @throws UsageError for files that can't be read or don't fit each other
 */
export function socketOptions(options: TlsOptions, names: readonly string[]): SocketOptions {
  const { ca, cert, key, verify = true } = options;
  if ((cert === undefined) !== (key === undefined)) {
    const [said, missing] = cert === undefined ? ["key", "certificate"] : ["certificate", "key"];
    throw new UsageError(`there is a client ${said} for TLS, but no ${missing}`, {
      hint: "say --tls-cert and --tls-key together; one file may hold both",
    });
  }
  return {
    // Said in any case, because the driver's own default is not to verify.
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca: readCertificates("--tls-ca", ca) }),
    ...(cert === undefined || key === undefined ? {} : readClient(cert, key)),
    ...(verify ? { checkServerIdentity: (host: string, peer: Peer) => checkName(host, peer, names) } : {}),
  };
}

/**
 * Nodes are connected to by address, though many certificates only bear names: the name of any host that the user
 * said is as good as the address, since that is who the user wants to talk to.
 */
function checkName(host: string, peer: Peer, names: readonly string[]): Error | undefined {
  const refused = checkServerIdentity(host, peer);
  const named = names.some((name) => isIP(name) === 0 && checkServerIdentity(name, peer) === undefined);
  return named ? undefined : refused;
}

function readCertificates(flag: string, path: string): string {
  const pem = readPem(flag, path);
  if (CERTIFICATE.test(pem)) return pem;
  throw new UsageError(`${flag}: ${path} holds no certificate in PEM form`, {
    hint: "a Java key store is turned into PEM with: keytool -exportcert -rfc -keystore <store> -alias <name>",
  });
}

function readClient(certPath: string, keyPath: string): { cert: string; key: string } {
  const cert = readCertificates("--tls-cert", certPath);
  const key = readPem("--tls-key", keyPath);
  if (/ENCRYPTED/.test(key)) {
    throw new UsageError(`--tls-key: ${keyPath} is locked with a passphrase`, {
      hint: `unlock a copy that only you can read: openssl pkey -in ${keyPath} -out <file>`,
    });
  }
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new UsageError(`--tls-key: ${keyPath} or its certificate ${certPath} can't be used: ${messageOf(cause)}`, {
      cause,
      hint: "the key stands in PEM form: -----BEGIN PRIVATE KEY-----",
    });
  }
  if (fits) return { cert, key };
  throw new UsageError(`--tls-key: ${keyPath} is not the key of the certificate ${certPath}`, {
    hint: "where a file holds a chain of certificates, the client's own stands first",
  });
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    const { message, hint } = storageError("read", path, cause);
    throw new UsageError(`${flag}: ${message}`, { cause, hint });
  }
}

const UNVERIFIED: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  CERT_HAS_EXPIRED: ["has expired", "it must be renewed on the node; until then only --tls-no-verify goes past it"],
  CERT_NOT_YET_VALID: ["is not valid yet", "check this machine's clock"],
  CERT_REVOKED: ["was revoked", "ask who runs the cluster for the new one"],
};

const UNTRUSTED = /^(?!ERR_)(.*CERT.*|UNABLE_TO_.*|INVALID_CA|PATH_LENGTH_EXCEEDED)$/;
const WRONG_CA = "say the authority's certificate with --tls-ca <file.pem>, or check that it is this cluster's";
const WRONG_NAME =
  "say the host by a name that the certificate has, or have one made with the node's address (subjectAltName)";

/** Whether a handshake failed, rather than the way to the server or the server. */
export function isTlsFailure(error: unknown): boolean {
  return tlsFailure(error, "") !== undefined;
}

/** A failed handshake in the user's words; undefined for any other error. `where` says which server it was. */
export function tlsFailure(error: unknown, where: string): UsageError | undefined {
  const code = errorCode(error) ?? "";
  const refused = (what: string, hint: string) => new UsageError(`${where}: ${what}`, { cause: error, hint });
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const why = messageOf(error).replace(/^.*?altnames: /s, "");
    return refused(`the server's certificate is for another host: ${why}`, WRONG_NAME);
  }
  const known = UNVERIFIED[code];
  if (known) return refused(`the server's certificate ${known[0]}`, known[1]);
  if (UNTRUSTED.test(code)) {
    return refused(`the server's certificate comes from no authority that is trusted here (${code})`, WRONG_CA);
  }
  if (/^ERR_SSL_WRONG_VERSION_NUMBER/.test(code)) {
    return refused("the server does not speak TLS there", "leave --tls out, or say the port that is for TLS");
  }
  if (/^ERR_SSL_.*ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE)/.test(code)) {
    const hint =
      "say your certificate with --tls-cert and its key with --tls-key, and check that the cluster trusts it";
    return refused("the server asks for a client's certificate that it can accept", hint);
  }
  if (/^ERR_SSL_.*ALERT_/.test(code)) {
    const alert = code
      .replace(/^ERR_SSL_.*ALERT_/, "")
      .replaceAll("_", " ")
      .toLowerCase();
    const hint = "does the cluster trust the authority of --tls-cert? its own log says more";
    return refused(`the server refused the TLS connection (${alert})`, hint);
  }
  if (/^ERR_(SSL|OSSL|TLS)_/.test(code)) {
    return refused(`TLS failed: ${messageOf(error).trim()}`, "compare the TLS versions and ciphers of both sides");
  }
  return undefined;
}

/** Whether a server that hung up on a plain connection speaks TLS. */
export function speaksTls(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is sent here but the greeting: whose certificate it is doesn't matter.
    const socket = connect({ host, port, rejectUnauthorized: false });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(HANDSHAKE_PATIENCE_MS, () => end(false));
    socket.on("secureConnect", () => end(true));
    socket.on("error", (error: Error) => end(/^ERR_SSL_.*ALERT_/.test(errorCode(error) ?? "")));
    socket.on("close", () => end(false));
  });
}
