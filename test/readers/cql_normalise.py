"""Owns what may differ in bytes between server and file although the value is the same, and nothing more: fields that an
old tuple or UDT value lacks (null today), a decimal's scale where the file's column is a DECIMAL(p,s), and, where the
caller says `empty_null`, zero-length values of types that have no zero-length form. Only the server's side is changed.
"""

import struct

import pyarrow

from cql_encode import TEXTS, decimal, fixed_size, frame, vector_element


class Malformed(Exception):
    """The server's bytes are not a value of the type: they are compared as they are."""


def take(cell, at, size):
    if size < 0 or at + size > len(cell):
        raise Malformed
    return cell[at : at + size]


def take_framed(cell, at):
    size = struct.unpack(">i", take(cell, at, 4))[0]
    if size == -1:
        return None, at + 4
    return take(cell, at + 4, size), at + 4 + size


def take_vint(cell, at):
    head = take(cell, at, 1)[0]
    extra = 8 - (head ^ 0xFF).bit_length()
    value = int.from_bytes(take(cell, at, extra + 1), "big")
    return value & ((1 << 7 * (extra + 1)) - 1 if extra < 8 else 2**64 - 1), at + extra + 1


def children(arrow_type):
    """The Arrow types below a list, map or struct, in the order of CqlType.of."""
    if pyarrow.types.is_map(arrow_type):
        return [arrow_type.key_type, arrow_type.item_type]
    return [arrow_type.field(at).type for at in range(arrow_type.num_fields)]


def normaliser(cql, arrow_type, empty_null):
    """A function from a cell's bytes to those to compare with (or None), or None where they are the same always."""
    name = cql["name"]
    # A column written as BLOB holds the server's own bytes: nothing about them may differ.
    if pyarrow.types.is_binary(arrow_type) or name in TEXTS or name in ("blob", "custom", "empty"):
        return None
    if name == "decimal" and pyarrow.types.is_decimal(arrow_type):
        change = rescale(arrow_type.scale)
    elif name in ("list", "set", "map", "tuple", "udt", "vector"):
        parts = [normaliser(part, kind, empty_null) for part, kind in zip(cql["of"], children(arrow_type))]
        change = nested(cql, parts)
    else:
        change = None
    # A tuple of no bytes has a meaning of its own: one whose fields are all missing.
    if not empty_null or name in ("tuple", "udt"):
        return change
    return lambda cell: None if len(cell) == 0 else cell if change is None else change(cell)


def nested(cql, parts):
    name = cql["name"]
    if name in ("tuple", "udt"):
        return lambda cell: fields(cell, parts)
    if all(part is None for part in parts):
        return None
    if name == "vector":
        element = cql["of"][0]
        return None if fixed_size(element) is not None else lambda cell: vector(cell, cql, parts[0])
    return lambda cell: collection(cell, parts)


def apply(part, cell):
    return cell if part is None or cell is None else part(cell)


def fields(cell, parts):
    """Every field of the type, those that the value lacks as null."""
    out, at = [], 0
    for part in parts:
        if at == len(cell):
            out.append(frame(None))
            continue
        value, at = take_framed(cell, at)
        out.append(frame(apply(part, value)))
    if at != len(cell):
        raise Malformed
    return b"".join(out)


def collection(cell, parts):
    """A list, a set (one part) or a map (two)."""
    if len(cell) == 0:
        return cell
    count = struct.unpack(">i", take(cell, 0, 4))[0]
    out, at = [cell[:4]], 4
    for _ in range(count):
        for part in parts:
            value, at = take_framed(cell, at)
            out.append(frame(apply(part, value)))
    if at != len(cell):
        raise Malformed
    return b"".join(out)


def vector(cell, cql, part):
    if len(cell) == 0:
        return cell
    out, at = [], 0
    for _ in range(cql["dimension"]):
        size, at = take_vint(cell, at)
        value = take(cell, at, size)
        at += size
        out.append(vector_element(cql["of"][0], part(value)))
    if at != len(cell):
        raise Malformed
    return b"".join(out)


def rescale(scale):
    """The same number with the column's scale, where it has one; else the bytes as they are."""

    def change(cell):
        if len(cell) < 5:
            return cell
        own, unscaled = struct.unpack(">i", cell[:4])[0], int.from_bytes(cell[4:], "big", signed=True)
        steps = scale - own
        if unscaled == 0:
            return decimal(0, scale)
        if abs(steps) > 10_000:
            return cell
        if steps >= 0:
            return decimal(unscaled * 10**steps, scale)
        return cell if unscaled % 10**-steps else decimal(unscaled // 10**-steps, scale)

    return change
