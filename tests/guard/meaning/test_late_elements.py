from netra.guard.meaning.late_elements import answered_in_lists, late_elements, late_properties
from netra.guard.meaning.places import CoroutinePlaces
from tests.guard.programs import analysed

TEXT = """
import asyncio
async def load(x): ...
class User:
    @property
    async def name(self): return "x"
async def f(xs):
    rows = [load(x) for x in xs]
    for row in rows:
        print(row.name)
    for each in asyncio.as_completed([load(x) for x in xs]):
        print((await each).name)
    for one in asyncio.as_completed([load(x) for x in xs]):
        print(one["x"])
    for task in [asyncio.create_task(load(x)) for x in xs]:
        task.cancel()
    user = User()
    print(user.name.title(), (await user.name).title())
"""


def test_what_comes_out_of_a_list_of_coroutines_is_one() -> None:
    analysis = analysed(TEXT)
    places = CoroutinePlaces(analysis.program, analysis.receivers, frozenset())
    assert [each.line for each in late_elements(analysis.program, analysis.receivers, places)] == [10, 14]


def test_an_asynchronous_property_gives_a_coroutine() -> None:
    analysis = analysed(TEXT)
    places = CoroutinePlaces(analysis.program, analysis.receivers, frozenset())
    assert [each.line for each in late_properties(analysis.program, analysis.receivers, places)] == [18]


def test_a_handler_answers_with_a_list_of_coroutines() -> None:
    text = """
        async def load(x): ...
        async def f(xs):
            rows = []
            for x in xs:
                rows.append(load(x))
            return {"rows": rows}
        """
    analysis = analysed(text)
    serving = [each for each in analysis.scopes if each.name == "f"]
    assert [each.line for each in answered_in_lists(serving, analysis.receivers)] == [7]
