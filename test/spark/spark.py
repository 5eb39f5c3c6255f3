"""Reads and writes Parquet files with Spark, as many as it is asked for, since Spark takes long to start: python spark.py <directory>

A line of stdin is a JSON object. To read: `path`, a file or directory; `out`, the Arrow stream to write; and `partitions`, where
columns are in paths and Spark shall not guess their types: Spark's type by the column's name. To write: `sql`, a query;
`to`, the directory; `by`, the columns to partition by; `conf`, settings that hold for it alone. The answer is a line of
stdout: {"types": {column: Spark's type}}, or {"error": text} where Spark can't do it. The directory is for Spark's own files.
"""

import json
import os
import sys

import pyarrow.ipc
from pyspark.sql import SparkSession
from pyspark.sql.types import StructField, StructType


def session(directory):
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        # Half the time to start; nothing here runs long enough for the other compiler.
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -Dderby.system.home={directory}",
        "spark.sql.warehouse.dir": os.path.join(directory, "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
    }
    builder = SparkSession.builder.master("local[1]").appName("cqlduck")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def reason(error):
    """What a Java exception, or its causes, say first."""
    cause = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    found = [str(error).split("\n")[0]]
    while cause is not None:
        found.append(str(cause.toString()).split("\n")[0])
        cause = cause.getCause()
    return " <- ".join(dict.fromkeys(found))


def read(spark, asked):
    frame = spark.read.parquet(asked["path"])
    types = {field.name: field.dataType.simpleString() for field in frame.schema}
    partitions = asked.get("partitions") or {}
    if partitions:
        fields = [
            StructField(field.name, StructType.fromDDL(f"x {partitions[field.name]}")[0].dataType)
            if field.name in partitions else field
            for field in frame.schema
        ]
        frame = spark.read.schema(StructType(fields)).parquet(asked["path"])
    table = frame.toArrow()
    with pyarrow.ipc.new_stream(asked["out"], table.schema) as stream:
        stream.write_table(table)
    return {"types": types}


def write(spark, asked):
    for name, value in asked["conf"].items():
        spark.conf.set(name, value)
    try:
        frame = spark.sql(asked["sql"])
        frame.coalesce(1).write.partitionBy(*asked["by"]).parquet(asked["to"])
        return {"types": {field.name: field.dataType.simpleString() for field in frame.schema}}
    finally:
        for name in asked["conf"]:
            spark.conf.unset(name)
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What else writes to stdout must not be taken for an answer.
    os.dup2(2, 1)
    spark = session(sys.argv[1])
    spark.sparkContext.setLogLevel("OFF")
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            answer = write(spark, asked) if "sql" in asked else read(spark, asked)
        except Exception as error:  # Spark's errors have no common class; its refusal is an answer
            answer = {"error": reason(error)}
        print(json.dumps(answer, ensure_ascii=False), file=answers, flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
