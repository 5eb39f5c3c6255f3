"""What a Python user would write by hand: a Parquet file into a table, rows of one partition in unlogged batches.

import.py HOST PORT KEYSPACE TABLE FILE: the columns of the file have the names of the table's.
"""

import sys
from itertools import groupby
from operator import itemgetter
from threading import BoundedSemaphore, Lock
from uuid import UUID

import pyarrow.parquet as pq
from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType

IN_FLIGHT = 64
BATCH_ROWS = 100
READ_ROWS = 10_000


def main(host: str, port: str, keyspace: str, table: str, path: str) -> None:
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(RoundRobinPolicy()),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=60,
    )
    cluster = Cluster(
        [host],
        port=int(port),
        protocol_version=4,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    session = cluster.connect(keyspace)
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    described = cluster.metadata.keyspaces[keyspace].tables[table]
    insert = session.prepare(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    )
    key = itemgetter(*[names.index(column.name) for column in described.partition_key])
    readers = {"uuid": UUID, "map<text, int>": dict}
    convert = [readers.get(described.columns[name].cql_type) for name in names]
    slots = BoundedSemaphore(IN_FLIGHT)
    lock = Lock()
    failures = []

    def done(_: object) -> None:
        slots.release()

    def failed(error: Exception) -> None:
        with lock:
            failures.append(error)
        slots.release()

    def send(statement: object, values: object = None) -> None:
        slots.acquire()
        if failures:
            raise failures[0]
        session.execute_async(statement, values).add_callbacks(done, failed)

    for batch in file.iter_batches(READ_ROWS):
        columns = [
            values if make is None else [None if value is None else make(value) for value in values]
            for make, values in zip(convert, (column.to_pylist() for column in batch.columns))
        ]
        for _, group in groupby(zip(*columns), key):
            rows = list(group)
            if len(rows) == 1:
                send(insert, rows[0])
                continue
            for first in range(0, len(rows), BATCH_ROWS):
                together = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
                for row in rows[first : first + BATCH_ROWS]:
                    together.add(insert, row)
                send(together)
    for _ in range(IN_FLIGHT):
        slots.acquire()
    if failures:
        raise failures[0]
    cluster.shutdown()


main(*sys.argv[1:])
