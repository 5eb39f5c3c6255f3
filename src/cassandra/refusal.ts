/*
 * Owns what an error in answer to a write means for its rows: whether they may have been written, whether sending them
 * again can help, and whose fault it is.
 */
import driver from "cassandra-driver";
import { ClusterError, CqlduckError } from "../base/errors.ts";
import {
  BOOTSTRAPPING,
  CDC_WRITE_FAILURE,
  INVALID,
  OVERLOADED,
  SERVER_ERROR,
  TRUNCATE_ERROR,
  UNAVAILABLE,
  WRITE_FAILURE,
  WRITE_TIMEOUT,
} from "./errorcodes.ts";
import { clusterFailure } from "./failure.ts";
import { ConnectionLostError, NotSentError } from "./wire.ts";

const { errors } = driver;

/**
 * `unsent`: nothing was written, and it may succeed later or elsewhere. `unsure`: it may have been written, and may
 * succeed when it is sent again. `refused`: a row is at fault, or all together. `fatal`: no other will succeed either.
 */
type WriteFault = "unsent" | "unsure" | "refused" | "fatal";

const UNSENT: readonly number[] = [UNAVAILABLE, BOOTSTRAPPING];
const UNSURE: readonly number[] = [
  ...[SERVER_ERROR, OVERLOADED, TRUNCATE_ERROR, WRITE_TIMEOUT, WRITE_FAILURE, CDC_WRITE_FAILURE],
];

const TIMED_OUT = "the nodes don't answer in time: raise --request-timeout, or lower --concurrency";
const ADVICE: ReadonlyMap<number | undefined, string> = new Map([
  [UNAVAILABLE, "not enough replicas are up: wait for them, or write with a lower --consistency"],
  [WRITE_TIMEOUT, "the replicas are slow: lower --concurrency"],
  [WRITE_FAILURE, "a replica could not write: its log says why"],
]);

export function writeFault(error: unknown): WriteFault {
  if (error instanceof CqlduckError) return "fatal";
  if (error instanceof NotSentError) return "unsent";
  if (error instanceof ConnectionLostError || error instanceof errors.OperationTimedOutError) return "unsure";
  if (!(error instanceof errors.ResponseError)) return "fatal";
  const { code, message } = error;
  // Of a mutation over half a segment of the commit log the server says that it failed itself.
  if (code === INVALID || /MutationExceededMaxSize|too large for the maximum size/i.test(message)) return "refused";
  if (UNSENT.includes(code)) return "unsent";
  return UNSURE.includes(code) ? "unsure" : "fatal";
}

/** Whether the node asks, in its way, for fewer requests at a time. */
export function asksForPatience(error: unknown): boolean {
  if (error instanceof errors.OperationTimedOutError) return true;
  return error instanceof errors.ResponseError && [OVERLOADED, WRITE_TIMEOUT].includes(error.code);
}

export function isServerError(error: unknown): boolean {
  return error instanceof errors.ResponseError && error.code === SERVER_ERROR;
}

/** The protocol's code of an error, undefined where the server didn't answer. */
export function answerCode(error: unknown): number | undefined {
  return error instanceof errors.ResponseError ? error.code : undefined;
}

/** What to tell the user of an error that ends the writing; `doing` names the work, e.g. `writing ks.t`. */
export function writeFailure(error: unknown, doing: string): CqlduckError {
  const failure = clusterFailure(error, doing);
  const advice = error instanceof errors.OperationTimedOutError ? TIMED_OUT : ADVICE.get(answerCode(error));
  // Whatever else went wrong, the advice is the one for readers too.
  if (!(failure instanceof ClusterError) || advice === undefined) return failure;
  return new ClusterError(failure.message, { cause: error, hint: advice });
}
