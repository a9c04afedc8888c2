from netra.guard.contexts import Fate
from tests.guard.programs import analysed


def test_rules_see_the_programs_own_files_only() -> None:
    analysis = analysed({"a.py": "import asyncio\nasync def f():\n    asyncio.sleep(1)\n", "b.py": ""})
    assert [module.path for module in analysis.modules] == ["a.py", "b.py"]
    assert {scope.module.path for scope in analysis.scopes} == {"a.py", "b.py"}
    assert [misuse.name for misuse in analysis.misused(Fate.DROPPED)] == ["asyncio.sleep"]
    assert list(analysis.misused(Fate.RETURNED)) == []
