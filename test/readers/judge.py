"""Says whether Parquet files or Arrow streams hold exactly the cells that a server holds: python judge.py <file or directory> <cells.jsonl>

cells.jsonl: first line {"columns": [{"name", "type", "as"?}]} in the file's column order, where `type` is a CqlType tree
({"name", "of", "udt"?, "dimension"?, "className"?}) and `as` the DuckDB type asked for with --type, if any; then one line
a row: an array of hex strings or null, in any order of rows. Exit 0 equal, 1 different, 2 wrong usage.
Without arguments it takes lines from stdin, each the arguments of one comparison as a JSON array, and answers each with a line.

The last columns of the cells may say `"path": true`: their values are in the paths below the directory, which readers then
read as a whole. With --stream another program has read the files already.
"""

import argparse
import collections
import json
import os
import struct
import sys
import traceback

import pyarrow

import cql_encode
import cql_normalise
import cql_schema
import readers

SHOWN = 20
COLLECTED = 500
# decimals and varints have more digits than Python converts by default
sys.set_int_max_str_digits(0)


class Usage(Exception):
    """The judge was asked wrongly."""


class Different(Exception):
    """The files can't be compared further: what is wrong with them."""

    def __init__(self, differences):
        super().__init__(differences)
        self.differences = differences


def findings(file, problems):
    return [{"file": file, "problem": problem} for problem in problems]


class Cells:
    """The server's rows, normalised for the types that the files have."""

    def __init__(self, path, columns, changes):
        self.path, self.columns, self.changes = path, columns, changes
        self.normalised = 0

    def change(self, at, text):
        if text is None:
            return None
        cell = bytes.fromhex(text)
        if self.changes[at] is None:
            return cell
        try:
            changed = self.changes[at](cell)
        except (cql_normalise.Malformed, struct.error):
            return cell
        self.normalised += changed != cell
        return changed

    def rows(self):
        self.normalised = 0
        width = len(self.columns)
        with open(self.path, encoding="utf-8") as lines:
            next(lines)
            for number, line in enumerate(lines, 2):
                row = json.loads(line)
                if len(row) != width:
                    raise Usage(f"{self.path}:{number}: {len(row)} cells, {width} columns")
                yield tuple(self.change(at, text) for at, text in enumerate(row))


def read_columns(path, types):
    with open(path, encoding="utf-8") as lines:
        columns = json.loads(next(lines))["columns"]
    for text in types:
        name, _, asked = text.rpartition("=")
        named = [column for column in columns if column["name"] == name]
        if not named:
            raise ValueError(f"--type {text}: no such column")
        named[0]["as"] = asked
    return columns


def check_schemas(files, columns, uuid_shape):
    """The schema that all files share, with the columns of their paths. @raises Different with what is wrong with each of them"""
    shared, found = None, []
    for file in files:
        try:
            schema = cql_schema.with_path(columns, readers.file_schema(file))
        except (pyarrow.ArrowException, OSError) as error:
            found += findings(file, [f"not readable: {error}"])
            continue
        problems = cql_schema.metadata_problems(columns, schema)
        if len(schema.names) == len(columns):
            problems += cql_schema.type_problems(columns, schema, uuid_shape)
        else:
            problems.append(f"{len(schema.names)} columns, the cells have {len(columns)}")
        shared = shared or schema
        if not problems and not shared.equals(schema):
            problems.append(f"other columns than in {files[0]}")
        found += findings(file, problems)
    if found:
        raise Different(found)
    return shared


def reader_fits(reader, kind, own):
    """Whether a reader made of a column what pyarrow sees in it. polars has no UUID: it gives the 16 bytes."""
    want, got = cql_schema.shape(kind), cql_schema.shape(own)
    return got == want or (reader == "polars" and got == want.replace("uuid", "binary"))


def sources(options, files, columns, schema):
    """What is read, each with a function that gives its batches."""
    if options.stream:
        return [(options.stream, readers.read_stream)]
    fields = cql_schema.path_fields(columns, schema)
    if fields:
        read = readers.DATASETS[options.reader]
        # duckdb has the columns of paths by their names
        return [(options.path, lambda path: (batch.select(schema.names) for batch in read(path, fields)))]
    return [(file, readers.READERS[options.reader]) for file in files]


def file_rows(options, files, columns, schema):
    """Every row of the files as CQL bytes. @raises Different"""
    reader = "the stream's reader" if options.stream else options.reader
    for file, read in sources(options, files, columns, schema):
        try:
            for batch in read(file):
                odd = [
                    f"column {field.name}: {reader} reads {cql_schema.shape(own.type)} {own.name}, not {cql_schema.shape(field.type)}"
                    for field, own in zip(schema, batch.schema)
                    if field.name != own.name or not reader_fits(reader, field.type, own.type)
                ]
                if odd or len(batch.schema) != len(schema):
                    raise Different(findings(file, odd or [f"{reader} reads {len(batch.schema)} columns"]))
                yield from zip(*(cql_encode.encode(c["type"], array) for c, array in zip(columns, batch.columns)))
        except Different:
            raise
        except Exception as error:  # a reader's own errors have no common class; its refusal is a finding
            raise Different(findings(file, [f"{reader}: {type(error).__name__}: {error}"])) from error


def rows_of(rows, wanted):
    """The rows behind the hashes, at most COLLECTED: a second reading, so that the first need not keep them."""
    found, left = [], dict(wanted)
    for row in rows:
        mark = hash(row)
        if left.get(mark, 0) > 0:
            left[mark] -= 1
            found.append(row)
            if len(found) == COLLECTED:
                break
    return found


def pairs(missing, unexpected, keys):
    """Puts the server's row beside the file's row of the same key, else beside the one it has most cells in common with."""
    by_key = collections.defaultdict(list)
    for row in unexpected if keys else []:
        by_key[tuple(row[at] for at in keys)].append(row)
    rest = []
    for row in missing:
        same = by_key[tuple(row[at] for at in keys)] if keys else []
        if same:
            yield row, same.pop()
        else:
            rest.append(row)
    others = [row for rows in by_key.values() for row in rows] if keys else list(unexpected)
    for row in rest:
        scores = [sum(a == b for a, b in zip(row, other)) for other in others]
        best = max(range(len(scores)), key=scores.__getitem__, default=None)
        yield row, others.pop(best) if best is not None and scores[best] > 0 else None
    for row in others:
        yield None, row


def to_hex(cell):
    return None if cell is None else cell.hex()


def describe(missing, unexpected, columns, keys):
    names = [column["name"] for column in columns]
    found = []
    for server, file in pairs(missing, unexpected, keys):
        row = {names[at]: to_hex((server or file)[at]) for at in keys}
        if server is None or file is None:
            whole = dict(zip(names, map(to_hex, server or file)))
            found.append({"row": row, "problem": "only on the server" if file is None else "only in the file", "cells": whole})
            continue
        for at, (expected, got) in enumerate(zip(server, file)):
            if expected != got:
                found.append({"row": row, "column": names[at], "expected": to_hex(expected), "got": to_hex(got)})
    return found


def judge(options, columns):
    files = readers.data_files(options.path)
    if not files:
        raise Different(findings(options.path, ["no data file"]))
    schema = check_schemas(files, columns, "uuid" if options.uuid == "native" else "string")
    changes = [cql_normalise.normaliser(c["type"], f.type, options.empty_null) for c, f in zip(columns, schema)]
    cells = Cells(options.cells, columns, changes)
    # Python's tuple hash: 64 bits over the cells' own keyed hashes, so equal by accident is no concern.
    balance = collections.Counter()
    for row in cells.rows():
        balance[hash(row)] += 1
    rows, normalised = balance.total(), cells.normalised
    in_file = 0
    for row in file_rows(options, files, columns, schema):
        balance[hash(row)] -= 1
        in_file += 1
    verdict = {"rows": rows, "cells": rows * len(columns), "columns": len(columns), "files": len(files), "normalised": normalised}
    missing = {mark: count for mark, count in balance.items() if count > 0}
    unexpected = {mark: -count for mark, count in balance.items() if count < 0}
    if not missing and not unexpected:
        return {"ok": True, **verdict}
    found = describe(
        rows_of(cells.rows(), missing), rows_of(file_rows(options, files, columns, schema), unexpected),
        columns, cql_schema.key_columns(schema),
    )
    counts = {"rowsInFile": in_file, "missing": sum(missing.values()), "unexpected": sum(unexpected.values())}
    return {"ok": False, **verdict, **counts, "differences": found[:SHOWN]}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="judge.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("path", help="a Parquet file or an Arrow stream (.arrow, .arrows), or a directory of them")
    parser.add_argument("cells", help="the server's cells, JSON lines")
    parser.add_argument("--reader", choices=sorted(readers.DATASETS), default="pyarrow")
    parser.add_argument("--stream", metavar="FILE", help="an Arrow stream of the rows, as another reader read them")
    parser.add_argument("--type", action="append", default=[], metavar="COLUMN=TYPE", help="the column's DuckDB type, as in the export")
    parser.add_argument("--uuid", choices=["text", "native"], default="text")
    parser.add_argument("--empty-null", action="store_true", help="zero-length values without a meaning equal NULL")
    return parser.parse_args(arguments)


def verdict_of(arguments):
    """@raises Usage"""
    options = parse(arguments)
    if not os.path.exists(options.path):
        raise Usage(f"{options.path}: no such file")
    try:
        columns = read_columns(options.cells, options.type)
    except (OSError, StopIteration, KeyError, ValueError) as error:
        raise Usage(f"{options.cells}: {type(error).__name__}: {error}") from error
    try:
        return judge(options, columns)
    except Different as different:
        return {"ok": False, "differences": different.differences[:SHOWN]}


def serve():
    """Loading the readers takes longer than most comparisons."""
    for line in sys.stdin:
        try:
            answer = verdict_of(json.loads(line))
        except (Exception, SystemExit):  # whatever it is, it belongs to this request, and the caller shows it
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


def main(arguments):
    if not arguments:
        serve()
        return 0
    try:
        verdict = verdict_of(arguments)
    except Usage as error:
        print(f"judge.py: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict, ensure_ascii=False))
    return 0 if verdict["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
