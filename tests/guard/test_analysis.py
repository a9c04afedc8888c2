from netra.guard.meaning.places import Fate
from tests.guard.programs import analysed


def test_rules_see_the_programs_own_files_only() -> None:
    analysis = analysed({"a.py": "import asyncio\nasync def f():\n    asyncio.sleep(1)\n", "b.py": ""})
    assert [module.path for module in analysis.modules] == ["a.py", "b.py"]
    assert {scope.module.path for scope in analysis.scopes} == {"a.py", "b.py"}
    assert [misuse.name for misuse in analysis.misused(Fate.DROPPED)] == ["asyncio.sleep"]
    assert list(analysis.misused(Fate.RETURNED)) == []


def test_calls_of_certain_names_come_in_the_order_of_the_program_with_their_place_in_the_scope() -> None:
    analysis = analysed({"a.py": "one()\ntwo()\ndef f():\n    other(x.one())\n", "b.py": "two()\n"})
    found = [(scope.full_name, index, call.line) for scope, index, call in analysis.calls_of("two", "one", "nowhere")]
    assert found == [("a", 0, 1), ("a", 1, 2), ("a.f", 1, 4), ("b", 0, 1)]
