from netra.guard.meaning.iterating import wrongly_iterated
from tests.guard.programs import analysed


def iterated(text: str) -> list[tuple[int, bool, str]]:
    analysis = analysed(text)
    found = wrongly_iterated(analysis.program, analysis.receivers)
    return [(each.each.line, each.late, each.what) for each in found]


def test_a_cursor_that_waits_and_a_list_are_iterated_each_in_its_own_way() -> None:
    text = """
    from motor.motor_asyncio import AsyncIOMotorCollection

    async def work(rows: AsyncIOMotorCollection):
        for row in rows.find():
            pass
        async for row in rows.find():
            pass
        async for number in [1, 2]:
            pass
        return [each for each in rows.find()]
    """
    cursor = "a `AsyncIOMotorCursor`"
    assert iterated(text) == [(5, False, cursor), (9, True, "a `list`"), (11, False, cursor)]


def test_a_function_that_is_not_called_is_iterated_in_no_way() -> None:
    text = """
    async def numbers():
        yield 1

    async def work():
        async for number in numbers:
            pass
    """
    assert iterated(text) == [(6, True, "the function `numbers`, which is not called")]


def test_who_calls_may_pass_something_else_than_a_list() -> None:
    assert iterated("async def work(rows: list):\n    async for row in rows:\n        pass\n") == []
