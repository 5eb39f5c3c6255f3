/*
 * Owns telling a URL how a run ended: one POST, tried again a few times. The URL may hold a secret, which no message
 * repeats.
 */
import { messageOf } from "../base/errors.ts";
import { retrying } from "../jobs/retry.ts";

const ATTEMPTS = 3;
const TIMEOUT_MS = 10_000;

/** An answer that asking again would not change. */
class Refused extends Error {}

/** Delivers `body` as JSON. @throws an Error that says why it could not be, without the secret parts of the URL */
export async function postJson(url: URL, body: object): Promise<void> {
  const target = new URL(url);
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  // fetch takes no URL with a login in it.
  if (url.username || url.password) {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.Authorization = `Basic ${Buffer.from(login).toString("base64")}`;
    target.username = "";
    target.password = "";
  }
  const post = async () => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    // A redirection would be followed as a GET, and deliver nothing.
    const answer = await fetch(target, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
      redirect: "manual",
    });
    await answer.body?.cancel();
    if (answer.ok) return;
    const text = `it answered ${answer.status}${answer.statusText && ` ${answer.statusText}`}`;
    throw answer.status >= 500 || answer.status === 429 ? new Error(text) : new Refused(text);
  };
  try {
    await retrying(post, {
      attempts: ATTEMPTS,
      baseMs: 500,
      maxMs: 2000,
      isRetryable: (error) => !(error instanceof Refused),
    });
  } catch (error) {
    throw new Error(`${withoutSecrets(url)}: ${reasonOf(error).replaceAll(target.href, withoutSecrets(url))}`);
  }
}

/** Node says only "fetch failed", and the reason in the cause. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  return error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
}

function withoutSecrets(url: URL): string {
  return `${url.origin}${url.pathname === "/" && !url.search ? "" : "/…"}`;
}
