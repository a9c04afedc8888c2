from netra.guard.database.undone import undone_by
from tests.guard.programs import analysed, faults

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


def test_one_connection_whose_transactions_mix_is_told_of_once() -> None:
    text = """
        import aiosqlite
        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        class Store:
            def __init__(self):
                self.db = None

            async def start(self):
                self.db = await aiosqlite.connect("a.db")

            async def move(self, a, b, n):
                try:
                    await self.db.execute("UPDATE w SET n = n - ? WHERE id = ?", (n, a))
                    await self.db.execute("UPDATE w SET n = n + ? WHERE id = ?", (n, b))
                    await self.db.commit()
                except aiosqlite.IntegrityError:
                    await self.db.rollback()
                    raise HTTPException(409)

            async def add(self, a):
                await self.db.execute("INSERT INTO w VALUES (?, 0)", (a,))
                await self.db.execute("INSERT INTO log VALUES (?)", (a,))
                await self.db.commit()


        store = Store()


        @app.on_event("startup")
        async def up():
            await store.start()


        @app.post("/move")
        async def move(a: int, b: int, n: int):
            await store.move(a, b, n)


        @app.post("/add")
        async def add(a: int):
            await store.add(a)
    """
    assert [(each.code, each.line) for each in faults(text, "D106")] == [("D106", 13)]
