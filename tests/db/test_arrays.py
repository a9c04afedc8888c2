"""Arrays that we encode ourselves arrive in PostgreSQL as what they were."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from netra.db.arrays import (
    ArrayParameter,
    bytea_array,
    int4_array,
    int8_array,
    text_array,
    timestamptz_array,
    uuid_array,
)
from netra.db.database import Database

CASES: list[tuple[str, Any, list[Any]]] = [
    ("int4[]", int4_array, [0, -1, 2**31 - 1, -(2**31)]),
    ("int8[]", int8_array, [0, -1, 2**63 - 1]),
    ("text[]", text_array, ["", 'é, "{}" NULL', None, "x" * 70_000]),
    ("bytea[]", bytea_array, [b"", b"\x00\xff{}", b"x" * 70_000]),
    ("uuid[]", uuid_array, [UUID(int=0), UUID(int=2**128 - 1)]),
    (
        "timestamptz[]",
        timestamptz_array,
        [datetime(1999, 12, 31, 23, 59, 59, 999999, UTC), datetime(2026, 1, 1, 0, 0, 0, 1, UTC)],
    ),
]


@pytest.mark.parametrize(("kind", "encode", "values"), CASES, ids=[case[0] for case in CASES])
async def test_an_array_comes_back_as_it_was_sent(database: Database, kind: str, encode: Any, values: list[Any]) -> None:
    async with database.system().transaction() as connection:
        for sent in (values, []):
            parameter: ArrayParameter = encode(sent)
            row = await (await connection.execute("SELECT %b, pg_typeof(%b)::text", [parameter, parameter])).fetchone()
            assert row is not None
            assert list(row[0]) == sent
            assert row[1] == {"int4[]": "integer[]", "int8[]": "bigint[]", "timestamptz[]": "timestamp with time zone[]"}.get(
                kind, kind
            )
