/*
 * Owns asking the server what it makes of a statement, before any row is read: whether it takes it, and the columns
 * that its result would have.
 */
import { ClusterError } from "../base/errors.ts";
import type { Cluster, Host } from "./cluster.ts";
import { clusterFailure, refusalOf } from "./failure.ts";
import { RESULT_COLUMNS, type ResultColumn } from "./rawrows.ts";

/** What the server says of a statement. */
export type Prepared =
  | { readonly parameters: number; readonly columns: readonly ResultColumn[]; readonly refusal?: undefined }
  /** In its words. */
  | { readonly refusal: string };

/** The driver's parts that are reached into. */
interface Preparing {
  borrowConnection(): {
    prepareOnceAsync(cql: string, keyspace: undefined): Promise<{ meta: PreparedMetadata }>;
  };
}
interface PreparedMetadata {
  readonly columns: readonly unknown[];
  readonly [RESULT_COLUMNS]: readonly ResultColumn[];
}

/** @throws ClusterError where no host answers */
export async function prepare(cluster: Cluster, cql: string): Promise<Prepared> {
  let failure: unknown = new ClusterError("no host of the local data centre is up");
  for (const host of cluster.localHosts()) {
    try {
      return await prepareAt(host, cql);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) return { refusal };
      failure = error;
    }
  }
  throw clusterFailure(failure, `preparing ${cql}`);
}

async function prepareAt(host: Host, cql: string): Promise<Prepared> {
  const { meta } = await (host as unknown as Preparing).borrowConnection().prepareOnceAsync(cql, undefined);
  return { parameters: meta.columns.length, columns: meta[RESULT_COLUMNS] };
}
