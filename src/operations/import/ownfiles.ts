/*
 * Owns what our own exports say of their files (`cqlduck.*`), as an import reads it: Parquet files in their metadata,
 * text files in a sidecar beside them or in the root of their directory.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { ColumnType } from "../../base/column.ts";
import { DataError } from "../../base/errors.ts";
import { quoteText } from "../../duckdb/copy.ts";
import { listNames, readText } from "../../storage/local.ts";
import { duckdbTypeFromText } from "../../types/column-type.ts";
import type { SourceFile } from "./files.ts";

/** What an export wrote down of a column. */
export interface OwnColumn {
  /** In the file. */
  readonly column: string;
  /** In the table that was exported. */
  readonly name: string;
  readonly type: string;
  readonly kind: string;
  readonly of?: string;
}

/** How a text file is written. */
export interface OwnFormat {
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly quote?: string;
  readonly escape?: string;
  readonly null?: string;
  readonly timestampFormat?: string;
  /** The key of JSON objects under which writetimes and TTLs are. */
  readonly metadata?: string;
}

/** What an export wrote down of its file. */
export interface OwnMetadata {
  readonly columns: readonly OwnColumn[];
  readonly schema: string | undefined;
  /** What was exported, by which version of the program. */
  readonly source: string | undefined;
  readonly version: string | undefined;
  readonly exportedAt: string | undefined;
  /** Exact values of the columns that are in the file's path, by their names in the table that was exported. */
  readonly partition: ReadonlyMap<string, string | null>;
  readonly format: OwnFormat;
  /** Of text: the types, by column of the file, whose texts were written in place of the CQL type's own. */
  readonly types: ReadonlyMap<string, ColumnType>;
}

/** A path as DuckDB's functions take it, to which some signs of a name would be a pattern. */
export function pathLiteral(path: string): string {
  return quoteText(path.replace(/[*?[]/g, "[$&]"));
}

/** The `cqlduck.*` pairs of a file; undefined in files of other origin. @throws DataError where they are damaged */
export function ownMetadata(keyValues: ReadonlyMap<string, string>, path: string): OwnMetadata | undefined {
  const text = keyValues.get("cqlduck.columns");
  if (text === undefined) return undefined;
  const read = <T>(key: string) => Object.entries(JSON.parse(keyValues.get(key) ?? "{}") as Record<string, T>);
  try {
    return {
      columns: JSON.parse(text) as OwnColumn[],
      schema: keyValues.get("cqlduck.schema"),
      source: keyValues.get("cqlduck.source"),
      version: keyValues.get("cqlduck.version"),
      exportedAt: keyValues.get("cqlduck.exported_at"),
      partition: new Map(read<string | null>("cqlduck.partition")),
      format: Object.fromEntries(read("cqlduck.format")) as OwnFormat,
      types: new Map(read<string>("cqlduck.types").map(([column, type]) => [column, duckdbTypeFromText(type)])),
    };
  } catch (error) {
    throw new DataError(`${path}: its cqlduck metadata can't be read`, { cause: error });
  }
}

/** Whether a column of an export is in the path of its file, and not in the file. */
export function isInPath({ partition }: OwnMetadata, { name, kind }: OwnColumn): boolean {
  return partition.has(name) && kind !== "writetime" && kind !== "ttl";
}

/** What is known of a text file from a sidecar. */
export interface SidecarFinding {
  readonly own: OwnMetadata | undefined;
  /** Of the file, where the sidecar is heeded. */
  readonly rows?: number;
  /** Said to the user. */
  readonly notice?: string;
}

/** A file that a sidecar tells of. */
interface Listed {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly "cqlduck.partition"?: Readonly<Record<string, string | null>>;
}

/**
 * What an export wrote of its text file. A file that is not as the export left it is taken for one of other origin.
 * @throws DataError for a sidecar that is damaged
 */
export async function readSidecar({
  path,
  content,
  bytes,
}: Pick<SourceFile, "path" | "content" | "bytes">): Promise<SidecarFinding> {
  // What came through stdin has none.
  if (content !== path) return { own: undefined };
  for (const sidecar of await sidecarsOf(path)) {
    const text = await readText(sidecar);
    if (text === undefined) continue;
    const { "cqlduck.files": files, ...pairs } = parseSidecar(text, sidecar);
    const file = files?.find((listed) => resolve(dirname(sidecar), listed.path) === path);
    if (!file) continue;
    if (file.bytes !== bytes) {
      const notice = `${path} was changed since it was exported: ${basename(sidecar)} is not heeded for it`;
      return { own: undefined, notice };
    }
    const all = { ...pairs, "cqlduck.partition": file["cqlduck.partition"] ?? {} };
    const texts = Object.entries(all).map(([key, value]): [string, string] => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    return { own: ownMetadata(new Map(texts), sidecar), rows: file.rows };
  }
  return { own: undefined };
}

type Sidecar = Readonly<Record<string, unknown>> & { readonly "cqlduck.files"?: readonly Listed[] };

function parseSidecar(text: string, path: string): Sidecar {
  try {
    return JSON.parse(text) as Sidecar;
  } catch (error) {
    throw new DataError(`${path} is no JSON`, {
      hint: "it says what the files beside it hold: restore it, or remove it to import them as files of other origin",
      cause: error,
    });
  }
}

const OF_DIRECTORY = /^_cqlduck(-.+)?\.json$/;

/** Where a text file's sidecar may be: beside it, or in the directory that its partitions are below. */
async function sidecarsOf(path: string): Promise<string[]> {
  let directory = dirname(path);
  while (basename(directory).includes("=")) directory = dirname(directory);
  const names = (await listNames(directory)).filter((name) => OF_DIRECTORY.test(name));
  return [`${path}.cqlduck`, ...names.map((name) => join(directory, name))];
}
