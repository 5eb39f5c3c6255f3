"""Owns the reading of Parquet files and Arrow streams by independent engines, each to Arrow record batches without a value changed:
file by file (a file is what its name ends in), or a directory with the columns that are in its paths. python readers.py <directory> <column>… says what types
each reader makes of columns that are in paths, where nobody says them.
"""

import json
import os
import re
import sys

import pyarrow
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.parquet

BATCH = 16_384
STREAMS = (".arrow", ".arrows")


def data_files(path):
    """The file itself, or all below a directory, in the order of their names; names with `_` are not data."""
    if not os.path.isdir(path):
        return [path]
    found = []
    for directory, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("_"))
        found += [os.path.join(directory, name) for name in names if name.endswith((".parquet", *STREAMS)) and not name.startswith("_")]
    return sorted(found)


def file_schema(file):
    if file.endswith(STREAMS):
        with pyarrow.ipc.open_stream(file) as opened:
            return opened.schema
    with pyarrow.parquet.ParquetFile(file) as opened:
        return opened.schema_arrow


def read_pyarrow(file):
    if file.endswith(STREAMS):
        with pyarrow.ipc.open_stream(file) as opened:
            for batch in opened:
                batch.validate(full=True)
                yield batch
        return
    with pyarrow.parquet.ParquetFile(file) as opened:
        # Row group by row group: iter_batches may cut nested columns where it should not have to.
        for at in range(opened.num_row_groups):
            yield from opened.read_row_group(at).to_batches(max_chunksize=BATCH)


def duckdb_batches(query, glob):
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true")
        yield from connection.sql(query, params=[glob]).to_arrow_reader(BATCH)


def literal(path):
    return re.sub(r"([*?\[])", r"[\1]", path)


def read_duckdb(file):
    yield from duckdb_batches("SELECT * FROM read_parquet($1, hive_partitioning = false)", literal(file))


def read_polars(file):
    import polars

    if file.endswith(STREAMS):
        yield from polars.read_ipc_stream(file).to_arrow().to_batches(max_chunksize=BATCH)
        return
    yield from polars.read_parquet(file, hive_partitioning=False, glob=False).to_arrow().to_batches(max_chunksize=BATCH)


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}


def read_stream(file):
    with pyarrow.ipc.open_stream(file) as opened:
        yield from opened


def dataset_pyarrow(directory, fields):
    hive = pyarrow.dataset.partitioning(pyarrow.schema(fields), flavor="hive") if fields else "hive"
    yield from pyarrow.dataset.dataset(directory, format="parquet", partitioning=hive).to_batches(batch_size=BATCH)


DUCKDB_TYPES = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "bool": "BOOLEAN", "date32[day]": "DATE"}


def dataset_duckdb(directory, fields):
    types = ", ".join(f"'{field.name}': {DUCKDB_TYPES.get(str(field.type), 'VARCHAR')}" for field in fields)
    said = f", hive_types = {{{types}}}" if fields else ""
    yield from duckdb_batches(f"SELECT * FROM read_parquet($1, hive_partitioning = true{said})", literal(directory) + "/**/*.parquet")


def dataset_polars(directory, fields):
    import polars

    schema = polars.from_arrow(pyarrow.schema(fields).empty_table()).schema if fields else None
    frame = polars.scan_parquet(f"{directory}/**/*.parquet", hive_partitioning=True, hive_schema=schema).collect()
    yield from frame.to_arrow().to_batches(max_chunksize=BATCH)


def dataset_metadata(directory, fields):
    """Files with the values that each one's own metadata has for its path, as our import takes them."""
    for file in data_files(directory):
        held = file_schema(file).metadata
        values = json.loads(held[b"cqlduck.partition"])
        names = [entry["name"] for entry in json.loads(held[b"cqlduck.columns"])][-len(fields) :]
        if list(values) != names:
            raise ValueError(f"cqlduck.partition has {list(values)}, the path {names}")
        for batch in read_pyarrow(file):
            for field, name in zip(fields, names):
                value = pyarrow.array([values[name]], pyarrow.string()).cast(field.type)
                batch = batch.append_column(field, pyarrow.repeat(value[0], len(batch)))
            yield batch


# Partitioned directories; with no fields said, each reader guesses the types of the columns that are in paths.
DATASETS = {"pyarrow": dataset_pyarrow, "duckdb": dataset_duckdb, "polars": dataset_polars, "metadata": dataset_metadata}


def guesses(directory, names):
    found = {}
    for reader in READERS:
        schema = next(iter(DATASETS[reader](directory, []))).schema
        found[reader] = [str(schema.field(name).type).removeprefix("large_") for name in names]
    return found


if __name__ == "__main__":
    print(json.dumps(guesses(sys.argv[1], sys.argv[2:])))
