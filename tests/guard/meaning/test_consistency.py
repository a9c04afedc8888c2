from netra.guard.meaning.consistency import awaited_elsewhere, is_asked_of, tells_kinds_apart
from tests.guard.programs import analysed, function


def lines(body: str) -> list[int]:
    analysis = analysed(f"async def work(db):\n{body}")
    return [call.line for call, _ in awaited_elsewhere(function(analysis.program, "example.work"), analysis.receivers)]


def test_the_same_call_of_the_same_object_is_awaited_or_dropped_but_not_both() -> None:
    assert lines("    await db.commit()\n    db.commit()\n") == [3]
    assert lines("    await db.save()\n    db.load()\n    other.save()\n") == []


def test_a_session_that_is_awaited_once_is_awaited_for_all_that_waits() -> None:
    assert lines("    await db.execute(1)\n    db.commit()\n    db.add(1)\n") == [3]


def test_two_branches_may_deal_with_two_kinds_of_object() -> None:
    assert lines("    if isinstance(db, Late):\n        await db.save()\n    else:\n        db.save()\n") == []


def test_a_function_that_asks_is_prepared_for_both() -> None:
    analysis = analysed("import inspect\ndef work(x): return inspect.isawaitable(x)\ndef other(x): return x\n")
    assert tells_kinds_apart(function(analysis.program, "example.work"))
    assert not tells_kinds_apart(function(analysis.program, "example.other"))


def test_only_what_is_asked_about_is_asked_of() -> None:
    analysis = analysed("import inspect\ndef work(x, y):\n    if inspect.iscoroutinefunction(x.f):\n        x.f()\n    y.f()\n")
    scope = function(analysis.program, "example.work")
    _, asked, other = scope.facts.calls
    assert is_asked_of(asked.callee, scope)
    assert not is_asked_of(other.callee, scope)
