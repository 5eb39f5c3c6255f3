/*
 * Owns where a password comes from: a file, the environment, the configuration, or the terminal, where it is typed
 * without being shown.
 */
import { readFileSync } from "node:fs";
import { InterruptedError, messageOf, UsageError } from "../base/errors.ts";
import { isExposed } from "./files.ts";
import type { Login, Session, World } from "./world.ts";

/** The password of `username`; undefined without one, since then nobody logs in. */
export async function findPassword(
  session: Session,
  username: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  const { world, terminal } = session;
  if (username === undefined) {
    if (file === undefined) return undefined;
    throw new UsageError("there is a password file, but no user name", { hint: "say the user with --username" });
  }
  if (file !== undefined) return readPassword(session, file);
  const fromEnv = world.env.CQLDUCK_PASSWORD;
  if (fromEnv) return fromEnv;
  const login = session.logins.find((candidate) => isFor(username, candidate));
  if (login?.passwordFile !== undefined) return readPassword(session, login.passwordFile);
  if (login?.password !== undefined) {
    warnExposed(session, login.path);
    return login.password;
  }
  if (world.stdin.isTTY && terminal.interactive) return askPassword(session, username);
  throw new UsageError(`there is no password for ${username}`, {
    hint: "set CQLDUCK_PASSWORD, or say the file that holds it with --password-file",
  });
}

/** Whether a login has a password, and none for somebody else. */
function isFor(username: string, login: Login): boolean {
  const has = login.password !== undefined || login.passwordFile !== undefined;
  return has && (login.username === undefined || login.username === username);
}

function warnExposed(session: Session, path: string): void {
  if (session.quiet || !isExposed(path)) return;
  session.terminal.line(`warning: ${path} holds a password, and others can read it: chmod 600 ${path}`);
}

function readPassword(session: Session, file: string): string {
  if (file !== "-") warnExposed(session, file);
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new UsageError(`can't read the password file: ${messageOf(error)}`, { cause: error });
  }
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw new UsageError(`the password file ${file} is empty`);
  return password;
}

async function askPassword(session: Session, username: string): Promise<string> {
  session.terminal.prompt(`Password for ${username}: `);
  try {
    return await readHidden(session.world);
  } finally {
    // The Enter that ended it wasn't shown.
    session.terminal.line("");
  }
}

function readHidden(world: World): Promise<string> {
  const { stdin } = world;
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  return new Promise<string>((resolve, reject) => {
    let typed = "";
    const finish = (settle: () => void) => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      settle();
    };
    const onData = (text: string) => {
      // Cursor keys and the like arrive as escape sequences; none belongs to a password.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
      for (const char of text.replace(/\x1b\[[0-9;]*[A-Za-z~]/g, "")) {
        if (char === "\r" || char === "\n" || char === "\x04") return finish(() => resolve(typed));
        if (char === "\x03") return finish(() => reject(new InterruptedError("SIGINT")));
        if (char === "\x7f" || char === "\b") typed = [...typed].slice(0, -1).join("");
        else if (char >= " ") typed += char;
      }
    };
    stdin.on("data", onData);
    stdin.resume();
  });
}
