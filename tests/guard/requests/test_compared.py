from netra.guard.facts import Expression
from netra.guard.requests.compared import is_held_against, is_one_compared, only_trims, only_value, takes_quotes
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import analysed


def function(body: str) -> FunctionSymbol:
    analysis = analysed(f"def f(name, data):\n    {body}\n")
    return next(each for each in analysis.scopes if each.name == "f")


def value_of(body: str) -> tuple[Expression, FunctionSymbol]:
    scope = function(body)
    return scope.facts.assignments[0].value, scope


def test_what_only_trims_a_text() -> None:
    trimming = ("name.strip()", "name or ''", "name.replace('%', '').strip()", "str(name)")
    assert all(only_trims(value, "name", scope) for value, scope in (value_of(f"name = {each}") for each in trimming))
    checking = ("name.replace(\"'\", '')", "check(name)", "data.strip()")
    assert not any(only_trims(value, "name", scope) for value, scope in (value_of(f"name = {each}") for each in checking))


def test_what_takes_away_the_signs_that_end_a_text() -> None:
    taken = [takes_quotes(function(f"name.replace({each}, '')").facts.calls[0]) for each in ('"\'"', "data", "'%'")]
    assert taken == [True, True, False]


def test_what_a_test_holds_a_text_against() -> None:
    def held(test: str) -> bool:
        scope = function(f"if {test}: pass")
        return any(is_held_against("name", None, each, scope) for block in scope.facts.blocks for each in block.expressions)

    assert held("name in ('a', 'b')") and held("not name == 'a'")
    assert not held("name is None") and not held("name == ''") and not held("data == 'a'")


def test_one_of_several_values() -> None:
    value, scope = value_of("name = data or ''")
    assert only_value(value[1]) == ("name", "data")
    assert not is_one_compared(("name", "data"), scope)
    assert is_one_compared(("name", "data"), function("name = data if data in ('a', 'b') else ''"))
