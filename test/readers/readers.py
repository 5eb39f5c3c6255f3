"""Owns the reading of Parquet files by three independent engines, each to Arrow record batches without a value changed."""

import os
import re

import pyarrow
import pyarrow.parquet

BATCH = 16_384


def parquet_files(path):
    """The file itself, or all below a directory, in the order of their names; names with `_` are not data."""
    if not os.path.isdir(path):
        return [path]
    found = []
    for directory, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("_"))
        found += [os.path.join(directory, name) for name in names if name.endswith(".parquet") and not name.startswith("_")]
    return sorted(found)


def file_schema(file):
    with pyarrow.parquet.ParquetFile(file) as opened:
        return opened.schema_arrow


def read_pyarrow(file):
    with pyarrow.parquet.ParquetFile(file) as opened:
        # Row group by row group: iter_batches may cut nested columns where it should not have to.
        for at in range(opened.num_row_groups):
            yield from opened.read_row_group(at).to_batches(max_chunksize=BATCH)


def read_duckdb(file):
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true")
        literal = re.sub(r"([*?\[])", r"[\1]", file)
        relation = connection.sql("SELECT * FROM read_parquet($1, hive_partitioning = false)", params=[literal])
        yield from relation.to_arrow_reader(BATCH)


def read_polars(file):
    import polars

    yield from polars.read_parquet(file, hive_partitioning=False, glob=False).to_arrow().to_batches(max_chunksize=BATCH)


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}
