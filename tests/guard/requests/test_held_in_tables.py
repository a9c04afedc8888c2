"""Lists of objects that lie in a shared table."""

import pytest

from netra.guard.requests.held_in_tables import held_in_tables
from tests.guard.programs import analysed

TEXT = """
import asyncio


class Table:
    def __init__(self, name):
        self.name = name
        self.watchers = []
        self.moves = []


tables: dict[str, Table] = {{}}
{besides}


async def sit(reader, writer):
    name = (await reader.readline()).decode()
    table = {found}

    def tell(move):
        writer.write(move)

    table.{added}


async def main():
    await asyncio.start_server(sit, port=1)
"""

KEPT = "tables.setdefault(name, Table(name))"


@pytest.mark.parametrize(
    ("found", "added", "besides", "expected"),
    [
        (KEPT, "watchers.append(tell)", "", ["watchers"]),
        (KEPT, "watchers.append(writer)", "", ["watchers"]),
        (KEPT, "watchers.append(lambda move: writer.write(move))", "", ["watchers"]),
        (KEPT, "moves.append(name)", "", []),
        ("Table(name)", "watchers.append(tell)", "", []),
        (KEPT, "watchers.append(tell)", "def end(table, tell): table.watchers.remove(tell)", []),
        (KEPT, "watchers.append(tell)", "def end(name): del tables[name]", []),
    ],
)
def test_what_is_added_for_one_connection(found: str, added: str, besides: str, expected: list[str]) -> None:
    analysis = analysed(TEXT.format(found=found, added=added, besides=besides))
    assert [each.name for each in held_in_tables(analysis)] == expected
