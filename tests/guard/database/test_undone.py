from netra.guard.database.undone import undone_by
from tests.guard.programs import analysed

DB = ("attribute", ("name", "self"), "db")

PUT = """
    class Store:
        async def put(self):
            await self.db.execute("INSERT INTO t VALUES (1)")
            await self.db.commit()
"""


def undoing(text: str, target: tuple[object, ...] = DB) -> str | None:
    analysis = analysed(text)
    found = undone_by(analysis.scopes, target, analysis.program)
    return None if found is None else found[0].name


def test_what_rolls_back_beside_somebody_who_writes() -> None:
    assert undoing(f"{PUT}\n        async def undo(self): await self.db.rollback()") == "undo"
    assert (
        undoing(f"{PUT}\n        async def undo(self, bot):\n            db = bot.db\n            await db.rollback()")
        == "undo"
    )
    assert undoing(PUT) is None


def test_a_lock_keeps_the_others_out() -> None:
    held = "async with self.lock:\n                await self.db"
    assert undoing(f"{PUT}\n        async def undo(self):\n            {held}.rollback()") is None
    locked = PUT.replace("await self.db", held)
    assert undoing(f"{locked}\n        async def undo(self): await self.db.rollback()") is None
    called = "async def calling(self):\n            async with self.one: await self.undo()"
    assert undoing(f"{PUT}\n        async def undo(self): await self.db.rollback()\n        {called}") is None


def test_a_key_of_an_application_is_the_same_from_wherever_it_is_imported() -> None:
    text = """
        async def put(request):
            await request.app[DB].execute("INSERT INTO t VALUES (1)")
            await request.app[DB].commit()
        async def undo(request): await request.app[keys.DB].rollback()
        """
    assert undoing(text, ("subscript", ("name", "app"), ("name", "DB"))) == "undo"
