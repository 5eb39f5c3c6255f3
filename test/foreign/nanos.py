"""Writes nanoseconds into Parquet files that pyarrow makes: python nanos.py <values.json> <directory>

values.json is a list of nanoseconds since 1970, as text. utc.parquet has their place in the list as id, them as ts, and in the
list l, the map m (key and value) and the struct st; tm is the time of day. int96.parquet has the same as INT96, and
pandas.parquet, which pandas writes, id and ts alone.
"""

import json
import os
import sys

import pandas
import pyarrow as pa
import pyarrow.parquet as pq

VALUES = [int(value) for value in json.load(open(sys.argv[1]))]
DAY = 86_400_000_000_000


def table():
    utc = pa.timestamp("ns", "UTC")
    columns = {
        "id": pa.array(range(len(VALUES)), pa.int32()),
        "ts": pa.array(VALUES, utc),
        "l": pa.array([[0, value] for value in VALUES], pa.list_(utc)),
        "m": pa.array([[(value, value)] for value in VALUES], pa.map_(utc, utc)),
        "st": pa.array([{"a": value, "b": i} for i, value in enumerate(VALUES)], pa.struct([("a", utc), ("b", pa.int32())])),
        "tm": pa.array([value % DAY for value in VALUES], pa.time64("ns")),
    }
    return pa.table(columns)


def place(name):
    return os.path.join(sys.argv[2], name)


everything = table()
pq.write_table(everything, place("utc.parquet"), row_group_size=2)
pq.write_table(everything, place("int96.parquet"), row_group_size=2, use_deprecated_int96_timestamps=True)
frame = pandas.DataFrame({"id": range(len(VALUES)), "ts": pandas.to_datetime(VALUES, utc=True, unit="ns")})
frame.to_parquet(place("pandas.parquet"), index=False)
