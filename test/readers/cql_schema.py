"""Owns what a file says of itself: the Arrow type that each column must have, and the cqlduck.* key-value metadata.
Everything here returns problems as text; an empty list means that the file is as promised.
"""

import datetime
import json
import re

import pyarrow

KINDS = frozenset(["partition_key", "clustering", "static", "regular", "writetime", "ttl", "virtual"])
KEYS = ["cqlduck.schema", "cqlduck.columns", "cqlduck.source", "cqlduck.exported_at", "cqlduck.version"]
DURATION = 'struct<"months": int32, "days": int32, "nanos": int64>'
SHAPES = {
    "ascii": "string", "text": "string", "varchar": "string", "inet": "string", "decimal": "string", "varint": "string",
    "tinyint": "int8", "smallint": "int16", "int": "int32", "bigint": "int64", "counter": "int64",
    "boolean": "bool", "float": "float", "double": "double", "blob": "binary", "custom": "binary", "empty": "binary",
    "timestamp": "timestamp[us, UTC]", "date": "date32[day]", "time": "time64[ns]", "duration": DURATION,
}
DUCKDB_SHAPES = {
    "VARCHAR": "string", "TEXT": "string", "TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32", "INT": "int32",
    "BIGINT": "int64", "BOOLEAN": "bool", "FLOAT": "float", "DOUBLE": "double", "BLOB": "binary", "UUID": "uuid",
    "DATE": "date32[day]", "TIME_NS": "time64[ns]", "TIMESTAMPTZ": "timestamp[us, UTC]",
    "TIMESTAMP WITH TIME ZONE": "timestamp[us, UTC]",
}
# What the columns of paths are read as, all others as text.
PATH_TYPES = {
    "tinyint": pyarrow.int8(), "smallint": pyarrow.int16(), "int": pyarrow.int32(), "bigint": pyarrow.int64(),
    "boolean": pyarrow.bool_(), "date": pyarrow.date32(),
}
TOKEN = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([A-Za-z0-9_.]+(?: WITH TIME ZONE)?)|([<>(),\[\]]))""")


def shape(kind):
    """An Arrow type as text, without what differs between readers only: offsets' width, names of list elements."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return {"arrow.uuid": "uuid", "arrow.bool8": "bool"}.get(kind.extension_name, str(kind))
    types = pyarrow.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "string"
    if types.is_fixed_size_binary(kind):
        return "uuid" if kind.byte_width == 16 else str(kind)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return "binary"
    if types.is_list(kind) or types.is_large_list(kind):
        return f"list<{shape(kind.value_type)}>"
    if types.is_map(kind):
        return f"map<{shape(kind.key_type)}, {shape(kind.item_type)}>"
    if types.is_struct(kind):
        return struct_shape((field.name, shape(field.type)) for field in kind)
    if types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.unit}, {'UTC' if kind.tz in ('UTC', 'Etc/UTC') else kind.tz}]"
    return str(kind)


def struct_shape(fields):
    return f"struct<{', '.join(f'{json.dumps(name)}: {kind}' for name, kind in fields)}>"


def file_names_fit(names, cql_names):
    """Names that DuckDB can't tell apart get _1, _2, …; all others stand as they are."""
    lower = [name.lower() for name in names]
    if len(names) != len(cql_names) or len(set(lower)) != len(lower):
        return False
    for at, (name, cql) in enumerate(zip(names, cql_names)):
        twin = cql.lower() in [other.lower() for other in cql_names[:at]]
        if name != cql and not (twin and re.fullmatch(re.escape(cql) + r"_[0-9]+", name)):
            return False
    return True


def expected_shape(cql, kind, uuid_shape):
    """The default for the CQL type. `kind` is the file's own Arrow type: it lends the names of a UDT's fields."""
    name, of = cql["name"], cql["of"]
    types = pyarrow.types
    if name in ("uuid", "timeuuid"):
        return uuid_shape
    if name in ("list", "set", "vector"):
        inner = kind.value_type if types.is_list(kind) else None
        return f"list<{expected_shape(of[0], inner, uuid_shape)}>"
    if name == "map":
        inner = [kind.key_type, kind.item_type] if types.is_map(kind) else [None, None]
        return f"map<{', '.join(expected_shape(part, own, uuid_shape) for part, own in zip(of, inner))}>"
    if name in ("tuple", "udt"):
        names = cql["udt"]["fields"] if name == "udt" else [str(at + 1) for at in range(len(of))]
        own = list(kind) if types.is_struct(kind) and kind.num_fields == len(of) else []
        if own and name == "udt" and file_names_fit([field.name for field in own], names):
            names = [field.name for field in own]
        inner = [field.type for field in own] or [None] * len(of)
        shapes = [expected_shape(part, field, uuid_shape) for part, field in zip(of, inner)]
        return struct_shape(zip(names, shapes))
    return SHAPES[name]


def tokens(text):
    at, text = 0, text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not a type: {text}")
        at = match.end()
        quoted, literal, word, sign = match.groups()
        if quoted is not None:
            yield "name", quoted.replace('""', '"')
        elif literal is not None:
            yield "class", literal.replace("''", "'")
        else:
            yield ("word", word) if word is not None else ("sign", sign)
    yield "end", ""


class Types:
    """Reads a type from text: DuckDB's into a shape, CQL's into nested lists."""

    def __init__(self, text):
        self.tokens = list(tokens(text))
        self.at = 0

    def next(self, *wanted):
        token = self.tokens[self.at]
        if wanted and token[1] not in wanted:
            raise ValueError(f"expected one of {wanted}, found {token[1]!r}")
        self.at += 1
        return token

    def sees(self, sign):
        return self.tokens[self.at] == ("sign", sign)

    def duckdb(self):
        word = self.next()[1].upper()
        if word == "STRUCT":
            fields = []
            while self.next("(", ",", ")")[1] != ")":
                fields.append((self.next()[1], self.duckdb()))
            found = struct_shape(fields)
        elif word == "MAP":
            self.next("(")
            key = self.duckdb()
            self.next(",")
            found = f"map<{key}, {self.duckdb()}>"
            self.next(")")
        elif word == "DECIMAL":
            found = f"decimal({self.next('(') and self.next()[1]},{self.next(',') and self.next()[1]})"
            self.next(")")
        else:
            found = DUCKDB_SHAPES[word]
        while self.sees("["):
            self.next()
            while self.next()[1] != "]":
                pass
            found = f"list<{found}>"
        return found

    def cql(self):
        kind, word = self.next()
        args = []
        while self.sees("<") or (args and self.sees(",")):
            self.next()
            args.append(self.cql())
        if args:
            self.next(">")
        if kind == "word":
            word = word.lower()
            if word == "frozen":
                return args[0]
            word = {"varchar": "text"}.get(word, word)
        return [word, *args]


def cql_tree(cql):
    """What Types.cql makes of the type's text."""
    name = cql["name"]
    if name == "udt":
        return [cql["udt"]["name"]]
    if name == "custom":
        return [cql["className"]]
    parts = [cql_tree(part) for part in cql["of"]]
    return [{"varchar": "text"}.get(name, name), *parts, *([[str(cql["dimension"])]] if name == "vector" else [])]


def type_problems(columns, schema, uuid_shape):
    found = []
    for column, field in zip(columns, schema):
        try:
            wanted = Types(column["as"]).duckdb() if "as" in column else expected_shape(column["type"], field.type, uuid_shape)
        except (KeyError, ValueError) as error:
            found.append(f"column {column['name']}: type {column.get('as')} not understood: {error}")
            continue
        if shape(field.type) != wanted:
            found.append(f"column {column['name']}: Arrow type {shape(field.type)}, expected {wanted}")
    return found


def column_problems(columns, schema, entries):
    """cqlduck.columns against the file's own names and the columns that the cells have."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ["cqlduck.columns is not a JSON array of objects"]
    names, cql_names = [entry.get("column") for entry in entries], [entry.get("name") for entry in entries]
    if names != schema.names:
        return [f"cqlduck.columns names {names}, the file has {schema.names}"]
    wanted = [column["name"] for column in columns]
    if cql_names != wanted:
        return [f"cqlduck.columns has the CQL names {cql_names}, the cells {wanted}"]
    found = [] if file_names_fit(names, cql_names) else [f"file names {names} do not fit the CQL names {cql_names}"]
    for entry, column in zip(entries, columns):
        if entry.get("kind") not in KINDS:
            found.append(f"column {column['name']}: kind {entry.get('kind')!r} in cqlduck.columns")
        try:
            tree = Types(entry.get("type", "")).cql()
        except (IndexError, TypeError, ValueError):
            tree = None
        if tree != cql_tree(column["type"]):
            found.append(f"column {column['name']}: type {entry.get('type')!r} in cqlduck.columns is not its type")
    return found


def metadata(schema):
    return {key.decode(): value.decode("utf-8", "replace") for key, value in (schema.metadata or {}).items()}


def metadata_problems(columns, schema):
    held = metadata(schema)
    found = [f"no {key} in the metadata" for key in KEYS if not held.get(key)]
    try:
        if "cqlduck.exported_at" in held:
            datetime.datetime.fromisoformat(held["cqlduck.exported_at"])
    except ValueError:
        found.append(f"cqlduck.exported_at is not an ISO time: {held['cqlduck.exported_at']}")
    if "cqlduck.columns" not in held:
        return found
    try:
        return found + column_problems(columns, schema, json.loads(held["cqlduck.columns"]))
    except json.JSONDecodeError as error:
        return [*found, f"cqlduck.columns is not JSON: {error}"]


def with_path(columns, schema):
    """A file's schema with the columns that are in its path, named as in cqlduck.columns, where that says so."""
    try:
        entries = json.loads(metadata(schema).get("cqlduck.columns", "[]"))[len(schema.names) :]
    except json.JSONDecodeError:
        return schema
    for entry, column in zip(entries, [column for column in columns if column.get("path")]):
        schema = schema.append(pyarrow.field(entry["column"], PATH_TYPES.get(column["type"]["name"], pyarrow.string())))
    return schema


def path_fields(columns, schema):
    return [field for column, field in zip(columns, schema) if column.get("path")]


def key_columns(schema):
    """Positions of the primary key's columns, for naming a row."""
    try:
        entries = json.loads(metadata(schema).get("cqlduck.columns", "[]"))
        return [at for at, entry in enumerate(entries) if entry["kind"] in ("partition_key", "clustering")]
    except (json.JSONDecodeError, TypeError, KeyError):
        return []
