/*
 * Owns a Parquet file that pyarrow writes none of: a column tm of hyparquet-writer's with 23:59:59.999999999 as
 * TIME(NANOS, UTC).
 */
const BASE64 =
  "UEFSMRUGFRAVEFwVAhUAFQIVABUAFQAAAP//TpGUTgAAFQQZLEgEcm9vdBUCABUEJQAYAnRtbHwRHDwAAAAAABYCGRwZHCYIHBUEGRUAGRgCdG0VABYCFjoWOiYIAAAWOhYCNjoAKAloeXBhcnF1ZXQZHBwAAABWAAAAUEFSMQ==";

export const NANOS_OF_DAY = Buffer.from(BASE64, "base64");
