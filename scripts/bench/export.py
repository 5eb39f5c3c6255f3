"""What a Python user would write by hand: the driver's rows, token range by token range, into one zstd Parquet file.

export.py HOST PORT PLAN OUT: PLAN is the JSON that drain.ts reads too, so that both read the same ranges.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq
from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from cassandra.query import tuple_factory

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("seq", pa.int32()),
        ("amount", pa.int32()),
        ("at", pa.timestamp("ms", "UTC")),
        ("city", pa.string()),
        ("name", pa.string()),
        ("note", pa.string()),
        ("ok", pa.bool_()),
        ("price", pa.float64()),
    ]
)
FETCH_SIZE = 5000
BATCH_ROWS = 100_000


def main(host: str, port: str, plan_path: str, out: str) -> None:
    with open(plan_path, encoding="utf-8") as file:
        plan = json.load(file)
    profile = ExecutionProfile(
        load_balancing_policy=RoundRobinPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        row_factory=tuple_factory,
        request_timeout=60,
    )
    cluster = Cluster(
        [host],
        port=int(port),
        protocol_version=4,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    session = cluster.connect()
    statement = session.prepare(plan["cql"])
    statement.fetch_size = FETCH_SIZE
    lock = Lock()
    written = 0

    def write(rows: list, writer: pq.ParquetWriter) -> None:
        nonlocal written
        columns = [pa.array(values, field.type) for values, field in zip(zip(*rows), SCHEMA)]
        with lock:
            writer.write_batch(pa.record_batch(columns, schema=SCHEMA))
            written += len(rows)

    def read(bounds: list, writer: pq.ParquetWriter) -> None:
        rows = []
        result = session.execute(statement, [int(bounds[0]), int(bounds[1])])
        while True:
            rows.extend(result.current_rows)
            if len(rows) >= BATCH_ROWS:
                write(rows, writer)
                rows = []
            if not result.has_more_pages:
                break
            result.fetch_next_page()
        if rows:
            write(rows, writer)

    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        with ThreadPoolExecutor(plan["sockets"]) as pool:
            for done in [pool.submit(read, bounds, writer) for bounds in plan["ranges"]]:
                done.result()
    cluster.shutdown()
    print(json.dumps({"rows": written}))


main(*sys.argv[1:])
