"""Owns the way from Arrow arrays to the bytes of CQL values: native protocol v4, section 6, and Cassandra 5.0's vectors.
Written from the specification and shares nothing with the product, so that a mistake there is not repeated here.
Values never become floats, datetimes or dicts on the way: those would lose NaN payloads, far dates and duplicate keys.
"""

import re
import socket
import struct

import numpy
import pyarrow
import pyarrow.compute

NULL_FRAME = b"\xff\xff\xff\xff"
TEXTS = frozenset(["ascii", "text", "varchar"])
# What a vector packs without lengths: the types whose class overrides valueLengthIfFixed in Cassandra 5.0. tinyint,
# smallint, date, time and counter do not, although their size never changes.
FIXED_IN_VECTOR = {
    "boolean": 1, "int": 4, "float": 4, "bigint": 8, "double": 8, "timestamp": 8, "uuid": 16, "timeuuid": 16,
}
INTEGER = {"tinyint": ">i1", "smallint": ">i2", "int": ">i4", "bigint": ">i8", "counter": ">i8", "time": ">i8"}
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
VARINT_TEXT = re.compile(r"0|-?[1-9][0-9]*")
DECIMAL_TEXT = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.([0-9]+))?(?:E([+-]?[0-9]+))?")


class Unsupported(Exception):
    """A CQL type does not stand in this Arrow type in any file of ours."""


def bad(what):
    """Stands for a value that has no CQL bytes. It is longer than any value it could be taken for, and readable."""
    return b"<not " + what.encode("utf-8", "replace") + b">"


def unsigned_vint(value):
    """As many extra bytes as the first byte has leading ones."""
    size = min(9, max(1, (value.bit_length() + 6) // 7))
    if size == 9:
        return b"\xff" + value.to_bytes(8, "big")
    head = (0xFF00 >> (size - 1)) & 0xFF
    return (value | head << 8 * (size - 1)).to_bytes(size, "big")


def signed_vint(value):
    return unsigned_vint(value << 1 if value >= 0 else (-value << 1) - 1)


def varint(value):
    """The shortest two's complement."""
    return value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True)


def decimal(unscaled, scale):
    if not -(2**31) <= scale < 2**31:
        return bad(f"a decimal scale {scale}")
    return struct.pack(">i", scale) + varint(unscaled)


def fixed_size(cql):
    """The bytes of a value inside a vector, or None where each one carries its length."""
    if cql["name"] == "vector":
        size = fixed_size(cql["of"][0])
        return None if size is None else size * cql["dimension"]
    if cql["name"] == "custom":
        return 16 if cql["className"].endswith("LexicalUUIDType") else None
    return FIXED_IN_VECTOR.get(cql["name"])


def frame(cell):
    return NULL_FRAME if cell is None else struct.pack(">i", len(cell)) + cell


def vector_element(cql, cell):
    """A vector has no form for null: what a file holds there can't equal any bytes, except another such null."""
    if cell is None:
        return bad("null in a vector")
    size = fixed_size(cql)
    if size is None:
        return unsigned_vint(len(cell)) + cell
    return cell if len(cell) == size else bad(f"{size} bytes: {cell.hex()}")


def masked(array, cells):
    if array.null_count == 0:
        return cells
    return [cell if ok else None for cell, ok in zip(cells, array.is_valid().to_pylist())]


def integers(array, arrow_type):
    """The values' bits as integers; nulls are 0."""
    bits = array if array.type == arrow_type else array.view(arrow_type)
    return pyarrow.compute.fill_null(bits, 0).to_numpy(zero_copy_only=False)


def packed(array, values, dtype):
    raw = values.astype(dtype).tobytes()
    width = numpy.dtype(dtype).itemsize
    return masked(array, [raw[at : at + width] for at in range(0, len(raw), width)])


def binaries(array):
    """string, binary, their large, fixed and view forms: the bytes as they stand in the file."""
    kind = array.type
    if pyarrow.types.is_string_view(kind):
        array = array.cast(pyarrow.binary_view())
    if not pyarrow.types.is_large_binary(array.type):
        array = array.cast(pyarrow.large_string() if pyarrow.types.is_string(kind) else pyarrow.large_binary())
    if len(array) == 0:
        return []
    buffers = array.buffers()
    ends = numpy.frombuffer(buffers[1], dtype="<i8")[array.offset : array.offset + len(array) + 1].tolist()
    base = ends[0]
    data = b"" if buffers[2] is None else buffers[2].slice(base, ends[-1] - base).to_pybytes()
    return masked(array, [data[start - base : end - base] for start, end in zip(ends, ends[1:])])


def each_text(array, convert):
    return [None if cell is None else convert(cell) for cell in binaries(array)]


def uuid_text(cell):
    text = cell.decode("utf-8", "replace")
    return bytes.fromhex(text.replace("-", "")) if UUID_TEXT.fullmatch(text) else bad(f"a uuid: {text}")


def inet_text(cell):
    try:
        text = cell.decode("ascii")
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return bad(f"an address: {cell!r}")


def varint_text(cell):
    text = cell.decode("utf-8", "replace")
    return varint(int(text)) if VARINT_TEXT.fullmatch(text) else bad(f"a varint: {text}")


def decimal_text(cell):
    text = cell.decode("utf-8", "replace")
    match = DECIMAL_TEXT.fullmatch(text)
    if match is None:
        return bad(f"a decimal: {text}")
    whole, fraction, exponent = match.group(1), match.group(2) or "", int(match.group(3) or 0)
    return decimal(int(whole + fraction), len(fraction) - exponent)


def unscaled(array):
    """decimal of any width: its integers."""
    array = array.cast(pyarrow.decimal128(38, array.type.scale)) if array.type.bit_width < 128 else array
    if array.type.bit_width != 128:
        raise Unsupported(f"a {array.type}")
    words = numpy.frombuffer(array.buffers()[1], dtype="<i8").reshape(-1, 2)[array.offset : array.offset + len(array)]
    low = words[:, 0].astype("<u8").tolist()
    return [None if not ok else (high << 64) + word for high, word, ok in zip(words[:, 1].tolist(), low, array.is_valid().to_pylist())]


def encode_integer(cql, array):
    """Every CQL type that is an integer of a fixed size, in the one Arrow type of that size."""
    dtype = INTEGER[cql["name"]]
    width = numpy.dtype(dtype).itemsize * 8
    signed = {8: pyarrow.int8(), 16: pyarrow.int16(), 32: pyarrow.int32(), 64: pyarrow.int64()}[width]
    wanted = [signed, pyarrow.time64("ns")] if cql["name"] == "time" else [signed]
    require(cql, array, *wanted)
    return packed(array, integers(array, signed), dtype)


def require(cql, array, *types):
    if array.type not in types:
        raise Unsupported(f"{cql['name']} as {array.type}")


def encode_boolean(cql, array):
    require(cql, array, pyarrow.bool_())
    return packed(array, integers(array.cast(pyarrow.uint8()), pyarrow.uint8()), ">u1")


def encode_float(cql, array):
    """Through integers of the same bits: no float is ever touched."""
    wide = cql["name"] == "double"
    require(cql, array, pyarrow.float64() if wide else pyarrow.float32())
    bits = integers(array, pyarrow.int64() if wide else pyarrow.int32())
    return packed(array, bits, ">i8" if wide else ">i4")


def encode_timestamp(cql, array):
    if array.type == pyarrow.int64():
        return packed(array, integers(array, pyarrow.int64()), ">i8")
    if not pyarrow.types.is_timestamp(array.type) or array.type.unit != "us":
        raise Unsupported(f"timestamp as {array.type}")
    micros = integers(array, pyarrow.int64())
    cells = packed(array, micros // 1000, ">i8")
    for at in numpy.nonzero(micros % 1000)[0].tolist():
        cells[at] = bad(f"whole milliseconds: {micros[at]} us")
    return cells


def encode_date(cql, array):
    require(cql, array, pyarrow.date32(), pyarrow.int32())
    return packed(array, integers(array, pyarrow.int32()).astype("i8") + 2**31, ">u4")


def encode_uuid(cql, array):
    if pyarrow.types.is_large_string(array.type) or pyarrow.types.is_string(array.type):
        return each_text(array, uuid_text)
    raise Unsupported(f"{cql['name']} as {array.type}")


def encode_number_text(cql, array):
    """decimal and varint: text, or a decimal; varint also int64."""
    kind, is_varint = array.type, cql["name"] == "varint"
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return each_text(array, varint_text if is_varint else decimal_text)
    if pyarrow.types.is_decimal(kind) and not is_varint:
        return [None if value is None else decimal(value, kind.scale) for value in unscaled(array)]
    if pyarrow.types.is_decimal(kind) and kind.scale == 0:
        return [None if value is None else varint(value) for value in unscaled(array)]
    require({"name": cql["name"]}, array, *([pyarrow.int64()] if is_varint else []))
    return [None if value is None else varint(value) for value in array.to_pylist()]


def encode_string(cql, array):
    if pyarrow.types.is_string(array.type) or pyarrow.types.is_large_string(array.type):
        return each_text(array, inet_text) if cql["name"] == "inet" else binaries(array)
    raise Unsupported(f"{cql['name']} as {array.type}")


def encode_duration(cql, array):
    names = [(field.name, field.type) for field in array.type] if pyarrow.types.is_struct(array.type) else []
    if names != [("months", pyarrow.int32()), ("days", pyarrow.int32()), ("nanos", pyarrow.int64())]:
        raise Unsupported(f"duration as {array.type}")
    parts = zip(*(part.to_pylist() for part in array.flatten()))
    cells = [bad("a duration: null part") if None in part else b"".join(map(signed_vint, part)) for part in parts]
    return masked(array, cells)


def spans(array):
    """Where the elements of each list (or map) lie: first and last, counted from the first used element."""
    ends = array.offsets.to_pylist()
    return ends[0], ends[-1], [(start - ends[0], end - ends[0]) for start, end in zip(ends, ends[1:])]


def is_list(kind):
    return pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)


def encode_list(cql, array):
    if not is_list(array.type):
        raise Unsupported(f"{cql['name']} as {array.type}")
    first, last, places = spans(array)
    framed = [frame(cell) for cell in encode(cql["of"][0], array.values.slice(first, last - first))]
    return masked(array, [struct.pack(">i", end - start) + b"".join(framed[start:end]) for start, end in places])


def encode_vector(cql, array):
    if not is_list(array.type):
        raise Unsupported(f"{cql['name']} as {array.type}")
    first, last, places = spans(array)
    element = cql["of"][0]
    parts = [vector_element(element, cell) for cell in encode(element, array.values.slice(first, last - first))]
    size = cql["dimension"]
    return masked(array, [
        b"".join(parts[start:end]) if end - start == size else bad(f"{size} elements: {end - start}")
        for start, end in places
    ])


def encode_map(cql, array):
    if not pyarrow.types.is_map(array.type):
        raise Unsupported(f"map as {array.type}")
    first, last, places = spans(array)
    keys = encode(cql["of"][0], array.keys.slice(first, last - first))
    values = encode(cql["of"][1], array.items.slice(first, last - first))
    framed = [frame(key) + frame(value) for key, value in zip(keys, values, strict=True)]
    return masked(array, [struct.pack(">i", end - start) + b"".join(framed[start:end]) for start, end in places])


def encode_struct(cql, array):
    if not pyarrow.types.is_struct(array.type) or array.type.num_fields != len(cql["of"]):
        raise Unsupported(f"{cql['name']} as {array.type}")
    # flatten() hands the struct's own nulls down, so that what lies under a null struct is not looked at.
    fields = [encode(part, child) for part, child in zip(cql["of"], array.flatten())]
    return masked(array, [b"".join(map(frame, row)) for row in zip(*fields)])


ENCODERS = {
    **dict.fromkeys(INTEGER, encode_integer),
    **dict.fromkeys(["ascii", "text", "varchar", "inet"], encode_string),
    **dict.fromkeys(["decimal", "varint"], encode_number_text),
    **dict.fromkeys(["uuid", "timeuuid"], encode_uuid),
    **dict.fromkeys(["float", "double"], encode_float),
    **dict.fromkeys(["list", "set"], encode_list),
    **dict.fromkeys(["tuple", "udt"], encode_struct),
    "boolean": encode_boolean, "timestamp": encode_timestamp, "date": encode_date, "duration": encode_duration,
    "vector": encode_vector, "map": encode_map,
}


def encode(cql, array):
    """The CQL bytes of every value of the array, None for null. @raises Unsupported"""
    if isinstance(array, pyarrow.ExtensionArray):
        # duckdb's lossless Arrow has booleans of one byte
        array = array.storage.cast(pyarrow.bool_()) if array.type.extension_name == "arrow.bool8" else array.storage
    kind = array.type
    if pyarrow.types.is_string_view(kind):
        array = array.cast(pyarrow.large_string())
    is_binary = pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)
    if is_binary or pyarrow.types.is_binary_view(kind) or pyarrow.types.is_fixed_size_binary(kind):
        return binaries(array)
    encoder = ENCODERS.get(cql["name"])
    if encoder is None:
        raise Unsupported(f"{cql['name']} as {kind}")
    return encoder(cql, array)
