"""What ends with the request is of no use to whoever takes it out of a queue later."""

import pytest

from netra.guard.database.queued import put_for_later
from tests.guard.programs import analysed

TEXT = """
    import asyncio
    from fastapi import Depends, FastAPI

    app = FastAPI()
    waiting = asyncio.Queue()

    class Job:
        def __init__(self, number, session):
            self.number = number
            self.session = session

    def submit(number, session):
        waiting.put_nowait({value})

    async def db():
        async with make_session() as session:
            yield session

    async def settings():
        return 1

    @app.post("/jobs")
    async def create(number: int, session=Depends({dependency})):
        submit(number, session)
    """


@pytest.mark.parametrize(
    ("value", "dependency", "expected"),
    [
        ("session", "db", ["session"]),
        ("Job(number, session)", "db", ["session"]),
        ("Job(number, session)", "settings", []),
        ("number", "db", []),
    ],
)
def test_it_is_put_into_a_queue(value: str, dependency: str, expected: list[str]) -> None:
    text = TEXT.replace("{value}", value).replace("{dependency}", dependency)
    assert [each.name for each in put_for_later(analysed(text))] == expected
