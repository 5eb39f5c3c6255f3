/*
 * Owns the translation of the driver's and the server's errors: what they mean to the user, and whether asking again
 * can help.
 */
import driver from "cassandra-driver";
import { ClusterError, CqlduckError, messageOf, UsageError } from "../base/errors.ts";
import { errorCode } from "../base/filefailure.ts";
import {
  BAD_CREDENTIALS,
  BOOTSTRAPPING,
  CONFIG,
  EXISTS,
  INVALID,
  OVERLOADED,
  PROTOCOL,
  READ_FAILURE,
  READ_TIMEOUT,
  SERVER_ERROR,
  SYNTAX,
  UNAUTHORIZED,
  UNAVAILABLE,
} from "./errorcodes.ts";
import { isTlsFailure, tlsFailure } from "./tls.ts";

const { errors } = driver;

/** The error of one host where the driver only says that no host answered. */
function innermost(error: unknown): unknown {
  if (error instanceof errors.NoHostAvailableError) {
    const inner = Object.values(error.innerErrors ?? {});
    // Of several hosts, one that answered and refused says more than those that are away.
    const telling =
      inner.find((e) => e instanceof errors.AuthenticationError) ?? inner.find(isTlsFailure) ?? inner.at(-1);
    if (telling) return innermost(telling);
  }
  return error;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof errors.ResponseError ? error.code : undefined;
}

/** Whether the server ended a connection before it answered anything. */
export function hungUp(error: unknown): boolean {
  const inner = innermost(error);
  return errorCode(inner) === "ECONNRESET" || /connection (was )?closed|socket (was )?closed/i.test(messageOf(inner));
}

/** Whether the request may succeed later, at another replica, or for fewer rows (see asksForLess). */
export function isRetryable(error: unknown): boolean {
  const cause = error instanceof ClusterError && error.cause !== undefined ? error.cause : error;
  const inner = innermost(cause);
  if (inner instanceof errors.OperationTimedOutError || inner instanceof errors.BusyConnectionError) return true;
  if (cause instanceof errors.NoHostAvailableError) return !(inner instanceof errors.AuthenticationError);
  const code = codeOf(inner);
  if (code === undefined) return /ECONNRESET|ECONNREFUSED|EPIPE|socket|closed/i.test(messageOf(inner));
  return [SERVER_ERROR, UNAVAILABLE, OVERLOADED, BOOTSTRAPPING, READ_TIMEOUT, READ_FAILURE].includes(code);
}

/** The server's words where it says that a statement is wrong; undefined for any other failure. */
export function refusalOf(error: unknown): string | undefined {
  const inner = innermost(error);
  const code = codeOf(inner);
  return code !== undefined && [SYNTAX, INVALID, CONFIG, EXISTS].includes(code) ? messageOf(inner) : undefined;
}

/** Whether the server does not take the paging state it was asked to go on from: another version of it gave it, or damage. */
export function refusesPagingState(error: unknown): boolean {
  const inner = innermost(error instanceof ClusterError && error.cause !== undefined ? error.cause : error);
  return codeOf(inner) === PROTOCOL && /paging state/i.test(messageOf(inner));
}

/** Whether the page was too much for the server: too slow, too big, or with too many tombstones to go over. */
export function asksForLess(error: unknown): boolean {
  const inner = innermost(error instanceof ClusterError && error.cause !== undefined ? error.cause : error);
  if (inner instanceof errors.OperationTimedOutError) return true;
  const code = codeOf(inner);
  return code === READ_TIMEOUT || code === READ_FAILURE;
}

/** Whether the server has more to do than it can: it refused for that, or did not answer in time. */
export function isStrain(error: unknown): boolean {
  const inner = innermost(error instanceof ClusterError && error.cause !== undefined ? error.cause : error);
  if (inner instanceof errors.OperationTimedOutError || inner instanceof errors.BusyConnectionError) return true;
  const code = codeOf(inner);
  return code === OVERLOADED || code === READ_TIMEOUT;
}

/** What to tell the user of an error that the driver threw; `doing` names the work, e.g. `reading ks.t`. */
export function clusterFailure(error: unknown, doing: string): CqlduckError {
  if (error instanceof CqlduckError) return error;
  const inner = innermost(error);
  const text = messageOf(inner);
  const code = codeOf(inner);
  if (inner instanceof errors.AuthenticationError || code === BAD_CREDENTIALS) return loginRefused(text, error);
  const tls = tlsFailure(inner, doing);
  if (tls) return tls;
  const advice = code === undefined ? adviceForNoAnswer(inner) : adviceForCode(code, text);
  const message = `${doing}: ${text}`;
  if (code === UNAUTHORIZED) {
    const [, named = "SELECT"] = /has no (\w+) permission/.exec(text) ?? [];
    const permission = named === "SELECT_MASKED" ? "SELECT_MASKED, or UNMASK," : named;
    return new UsageError(message, { cause: error, hint: `ask for the permission ${permission} on it` });
  }
  return new ClusterError(message, { cause: error, hint: advice });
}

function loginRefused(text: string, cause: unknown): UsageError {
  const noCredentials = /requires authentication|no auth(entication)? provider/i.test(text);
  return new UsageError(
    noCredentials ? "the cluster asks for a user name and password" : `the login was refused: ${text}`,
    {
      cause,
      hint: noCredentials
        ? "say -u <user> and --password-file <file>, or set CQLDUCK_PASSWORD"
        : "check -u/--username and the password (--password-file or CQLDUCK_PASSWORD)",
    },
  );
}

function adviceForNoAnswer(error: unknown): string | undefined {
  const text = messageOf(error);
  if (error instanceof errors.OperationTimedOutError) return "raise --request-timeout, or lower --page-size";
  if (/ECONNREFUSED/.test(text))
    return "is Cassandra running there, and is this its native transport port (usually 9042)?";
  if (/ENOTFOUND|EAI_AGAIN|No host could be resolved/.test(text)) return "check the spelling of the host's name";
  return undefined;
}

function adviceForCode(code: number, text: string): string | undefined {
  switch (code) {
    case UNAVAILABLE:
      return "not enough replicas are up; wait for them, or read with a lower --consistency";
    case READ_TIMEOUT:
      return "the replicas are slow: lower --concurrency or --page-size";
    case OVERLOADED:
      return "the cluster is overloaded: lower --concurrency";
    case READ_FAILURE:
      return "a replica gave up, often because of too many tombstones: lower --page-size, or compact the table";
    case INVALID:
      return /Guardrail page_size/.test(text) ? "lower --page-size" : undefined;
    default:
      return undefined;
  }
}
