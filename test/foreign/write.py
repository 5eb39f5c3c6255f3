"""Writes the rows it is told into files of every kind, with writers that have nothing to do with cqlduck:
python write.py <values.json> <directory>

values.json is a list of objects: integers, booleans, texts and lists as they are; y in hex; decimals and big integers as
text; da as ISO date; ts and tn as milliseconds, tm as nanoseconds, both whole numbers. The answer is a line of stdout for
each file: {"file": path, "columns": names, "writer": text}.
"""

import datetime
import decimal
import json
import os
import sys

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq

VALUES = json.load(open(sys.argv[1]))
DIRECTORY = sys.argv[2]


PER_MILLI = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def value(name, found, kind):
    if found is None:
        return None
    if name == "y":
        return bytes.fromhex(found)
    if name in ("i64", "u64"):
        return int(found)
    if name == "de":
        return decimal.Decimal(found)
    if name == "da":
        return datetime.date.fromisoformat(found)
    if name in ("ts", "tn"):
        return found * PER_MILLI[kind.unit]
    if name == "m":
        return list(found.items())
    return found


TYPES = {
    "id": pa.int32(), "i8": pa.int8(), "i16": pa.int16(), "i32": pa.int32(), "i64": pa.int64(),
    "u8": pa.uint8(), "u16": pa.uint16(), "u32": pa.uint32(), "u64": pa.uint64(),
    "f": pa.float32(), "d": pa.float64(), "b": pa.bool_(), "s": pa.string(), "y": pa.binary(),
    "de": pa.decimal128(9, 4), "da": pa.date32(), "ts": pa.timestamp("ms", "UTC"), "tn": pa.timestamp("ns"), "tm": pa.time64("ns"),
    "l": pa.list_(pa.int32()), "ll": pa.list_(pa.list_(pa.string())), "m": pa.map_(pa.string(), pa.int32()),
    "st": pa.struct([("a", pa.int32()), ("b", pa.string())]), "e": pa.string(), "fl": pa.list_(pa.int32(), 2), "n": pa.null(),
}  # fmt: skip


def table(**other):
    types = {**TYPES, **other}
    arrays = [pa.array([value(name, row.get(name), types[name]) for row in VALUES], type=types[name]) for name in TYPES]
    return pa.table(arrays, names=list(TYPES))


def told(writer, path, columns):
    print(json.dumps({"file": path, "columns": list(columns), "writer": writer}), flush=True)


def place(name):
    return os.path.join(DIRECTORY, name)


def write_pyarrow():
    plain = table()
    coded = plain.set_column(plain.column_names.index("e"), "e", plain["e"].dictionary_encode())
    large = table(
        s=pa.large_string(), y=pa.large_binary(), l=pa.large_list(pa.int32()), ll=pa.large_list(pa.large_list(pa.large_string()))
    )
    for name, data, options in [
        ("pyarrow", coded, {}),
        ("pyarrow-v1", plain, {"version": "1.0", "use_dictionary": False, "row_group_size": 1, "compression": "none"}),
        ("pyarrow-v2", coded, {"data_page_version": "2.0", "compression": "zstd", "write_page_checksum": True}),
        ("pyarrow-int96", plain, {"use_deprecated_int96_timestamps": True, "compression": "gzip"}),
        ("pyarrow-large", large, {"row_group_size": 2, "compression": "brotli"}),
    ]:
        pq.write_table(data, place(f"{name}.parquet"), **options)
        told("pyarrow Parquet", place(f"{name}.parquet"), data.column_names)

    views = table(
        s=pa.string_view(), y=pa.binary_view(), l=pa.list_view(pa.int32()), ts=pa.timestamp("us"), tn=pa.timestamp("us", "UTC"),
        ll=pa.list_(pa.list_(pa.string_view())), de=pa.decimal256(38, 4),
    )  # fmt: skip
    # Other units can't hold some of the values.
    units = table(de=pa.decimal64(9, 4), ts=pa.timestamp("ns", "UTC"), tn=pa.timestamp("ms"), da=pa.date64())
    for name, data, codec in [
        ("stream", coded, None), ("lz4", plain, "lz4"), ("zstd", plain, "zstd"), ("large", large, None), ("views", views, "lz4"),
        ("units", units, None),
    ]:  # fmt: skip
        options = pa.ipc.IpcWriteOptions(compression=codec)
        for kind, make in [("arrows", pa.ipc.new_stream), ("arrow", pa.ipc.new_file)]:
            path = place(f"pyarrow-{name}.{kind}")
            with make(path, data.schema, options=options) as out:
                out.write_table(data, max_chunksize=2)
            told("pyarrow Arrow", path, data.column_names)
    pyarrow.feather.write_feather(plain, place("pyarrow.feather"))
    told("pyarrow Feather", place("pyarrow.feather"), plain.column_names)


def write_polars():
    import polars

    # Maps and columns without values are no types of its own.
    data = table().drop_columns(["m", "n"])
    frame = polars.from_arrow(data)
    frame = frame.with_columns(polars.col("e").cast(polars.Categorical))
    frame.write_parquet(place("polars.parquet"))
    frame.write_parquet(place("polars-2.parquet"), compression="lz4", row_group_size=1, statistics="full")
    for name in ("polars.parquet", "polars-2.parquet"):
        told("polars Parquet", place(name), frame.columns)
    for codec in ("uncompressed", "lz4", "zstd"):
        frame.write_ipc(place(f"polars-{codec}.arrow"), compression=codec)
        frame.write_ipc_stream(place(f"polars-{codec}.arrows"), compression=codec)
        for kind in ("arrow", "arrows"):
            told("polars Arrow", place(f"polars-{codec}.{kind}"), frame.columns)


def write_duckdb():
    import duckdb

    data = table().drop_columns(["n"])
    connection = duckdb.connect()
    connection.register("data", data)
    for name, options in [("duckdb", ""), ("duckdb-2", ", PARQUET_VERSION v2, COMPRESSION zstd")]:
        connection.execute(f"COPY (SELECT * FROM data) TO '{place(name)}.parquet' (FORMAT parquet{options})")
        told("DuckDB Parquet", place(f"{name}.parquet"), data.column_names)


def write_fastparquet():
    import fastparquet
    import pandas

    # What pandas has types for that fastparquet writes, without NULL where the type has none.
    names = ["id", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "f", "d", "b", "s", "y", "ts", "e"]
    arrow = table(ts=pa.timestamp("us", "UTC")).select(names)
    pandas_types = {
        pa.int8(): pandas.Int8Dtype(), pa.int16(): pandas.Int16Dtype(), pa.int32(): pandas.Int32Dtype(), pa.int64(): pandas.Int64Dtype(),
        pa.uint8(): pandas.UInt8Dtype(), pa.uint16(): pandas.UInt16Dtype(), pa.uint32(): pandas.UInt32Dtype(), pa.bool_(): pandas.BooleanDtype(),
    }  # fmt: skip
    frame = arrow.to_pandas(types_mapper=pandas_types.get)
    encoding = {name: "infer" for name in names} | {"s": "utf8", "e": "utf8", "y": "bytes"}
    frame["s"] = frame["s"].astype(object)
    frame["e"] = frame["e"].astype(object)
    # A NaN is all that it has for a float that is missing: only the rows that are whole.
    whole = frame[frame["f"].notna()]
    fastparquet.write(place("fastparquet.parquet"), whole, object_encoding=encoding, row_group_offsets=[0, 1], compression="GZIP")
    told("fastparquet", place("fastparquet.parquet"), names)


def main():
    for write in (write_pyarrow, write_polars, write_duckdb, write_fastparquet):
        try:
            write()
        except Exception as error:
            print(json.dumps({"writer": write.__name__, "error": repr(error)}), flush=True)


main()
