from netra.guard.meaning.registering import decorated_with, filled_by
from tests.guard.programs import analysed

HOOKS = """
hooks = []


def hook(function):
    hooks.append(function)
    return function


def named(name):
    def take(function):
        hooks.append(function)
        return function

    return take
"""

USERS = """
from hooks import hook, hooks, named


@hook
async def one(): ...


@named("two")
async def two(): ...


def add(function):
    hooks.append(function)
"""


def test_a_list_of_a_module_and_the_decorators_that_fill_it() -> None:
    analysis = analysed({"hooks.py": HOOKS, "users.py": USERS})
    top = analysis.program.modules["hooks"].top
    filling = {each.name: each for each in filled_by(analysis.program, top, "hooks")}
    assert {"hook", "take", "add"} <= set(filling)
    for name, decorated in (("hook", "one"), ("take", "two")):
        found = decorated_with(analysis.program, filling[name], "function", analysis.receivers.value)
        assert [each.name for each in found] == [decorated]
    assert decorated_with(analysis.program, filling["add"], "function", analysis.receivers.value) == []
