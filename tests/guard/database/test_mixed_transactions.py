from netra.guard.database.mixed_transactions import MixedTransactions
from tests.guard.programs import analysed

STORE = """
import aiosqlite
from fastapi import FastAPI

app = FastAPI()

class Store:
    async def open(self):
        self.base = await aiosqlite.connect("x.db"MORE)

    async def move(self):
        BODY

store = Store()

@app.post("/move")
async def move():
    await store.move()
"""


def mixed(*lines: str, more: str = "") -> list[tuple[str, int]]:
    text = STORE.replace("MORE", more).replace("BODY", "\n        ".join(lines))
    return [(each.scope.name, len(each.writes)) for each in MixedTransactions(analysed(text)).mixed()]


FIRST, SECOND = "await self.base.execute('update a set b = 1')", "await self.base.execute('update a set b = 2')"
COMMIT = "await self.base.commit()"


def test_what_is_written_in_several_statements_is_mixed() -> None:
    assert mixed(FIRST, SECOND, COMMIT) == [("move", 2)]
    assert mixed("for each in range(3):", "    " + FIRST, COMMIT) == [("move", 1)]


def test_one_statement_stands_for_itself_and_a_lock_keeps_others_out() -> None:
    assert mixed(FIRST, COMMIT) == []
    assert mixed("async with self.lock:", *("    " + each for each in (FIRST, SECOND, COMMIT))) == []
    assert mixed(FIRST, SECOND, COMMIT, more=", isolation_level=None") == []
