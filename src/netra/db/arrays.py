"""PostgreSQL arrays in binary, for statements whose parameters are batches.

psycopg builds an array element by element in Python, which for the log's writer cost more than everything else in its
batch together. These encoders hand a whole column to `struct` or `join`. One dimension, known types.
Source of the layout: `array_recv` in PostgreSQL's `src/backend/utils/adt/arrayfuncs.c`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct, pack
from typing import Any, Final
from uuid import UUID

from psycopg.adapt import Buffer, Dumper
from psycopg.postgres import adapters
from psycopg.pq import Format

_HEADER: Final = Struct("!iiIii")
_NULL: Final = b"\xff\xff\xff\xff"

BYTEA: Final = adapters.types["bytea"]
INT4: Final = adapters.types["int4"]
INT8: Final = adapters.types["int8"]
TEXT: Final = adapters.types["text"]
TIMESTAMPTZ: Final = adapters.types["timestamptz"]
UUID_TYPE: Final = adapters.types["uuid"]

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts microseconds from here."""

MICROSECOND: Final = timedelta(microseconds=1)


class ArrayParameter:
    """A parameter that is an array already encoded; `array_oid` says of which type."""

    __slots__ = ("array_oid", "encoded")

    def __init__(self, element_oid: int, array_oid: int, count: int, has_null: bool, elements: bytes) -> None:
        self.array_oid = array_oid
        # An empty array has no dimensions at all.
        header = _HEADER.pack(1, has_null, element_oid, count, 1) if count else pack("!iiI", 0, 0, element_oid)
        self.encoded = header + elements


def int4_array(values: Sequence[int]) -> ArrayParameter:
    """`int4[]` of values that fit into 32 bits."""
    interleaved = [4] * (2 * len(values))
    interleaved[1::2] = values
    return ArrayParameter(INT4.oid, INT4.array_oid, len(values), False, pack(f"!{len(interleaved)}i", *interleaved))


def int8_array(values: Sequence[int]) -> ArrayParameter:
    """`int8[]`."""
    return _eight_bytes(INT8.oid, INT8.array_oid, values)


def timestamptz_array(values: Sequence[datetime]) -> ArrayParameter:
    """`timestamptz[]` of aware datetimes."""
    return _eight_bytes(TIMESTAMPTZ.oid, TIMESTAMPTZ.array_oid, [(value - EPOCH) // MICROSECOND for value in values])


def uuid_array(values: Sequence[UUID]) -> ArrayParameter:
    """`uuid[]`."""
    elements = b"".join([b"\0\0\0\x10" + value.bytes for value in values])
    return ArrayParameter(UUID_TYPE.oid, UUID_TYPE.array_oid, len(values), False, elements)


def bytea_array(values: Sequence[bytes]) -> ArrayParameter:
    """`bytea[]`."""
    return _variable(BYTEA.oid, BYTEA.array_oid, values)


def text_array(values: Sequence[str | None]) -> ArrayParameter:
    """`text[]`, where None is NULL."""
    return _variable(TEXT.oid, TEXT.array_oid, [None if value is None else value.encode() for value in values])


def _eight_bytes(element_oid: int, array_oid: int, values: Sequence[int]) -> ArrayParameter:
    interleaved = [8] * (2 * len(values))
    interleaved[1::2] = values
    return ArrayParameter(element_oid, array_oid, len(values), False, pack("!" + "iq" * len(values), *interleaved))


def _variable(element_oid: int, array_oid: int, values: Sequence[bytes | None]) -> ArrayParameter:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(len(value).to_bytes(4, "big"))
            parts.append(value)
    return ArrayParameter(element_oid, array_oid, len(values), None in values, b"".join(parts))


class _ArrayParameterDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        encoded: bytes = obj.encoded
        return encoded

    def get_key(self, obj: Any, format: Any) -> Any:  # noqa: A002, ARG002 - psycopg's names
        # One dumper serves one type of array, because the type is part of the dumper.
        return (self.cls, obj.array_oid)

    def upgrade(self, obj: Any, format: Any) -> "Dumper":  # noqa: A002, ARG002 - psycopg's names
        dumper = _ArrayParameterDumper(self.cls)
        dumper.oid = obj.array_oid
        return dumper


adapters.register_dumper(ArrayParameter, _ArrayParameterDumper)
