from netra.guard.meaning.expressions import within
from tests.guard.programs import analysed, function


def test_everything_an_expression_is_made_of_is_found_but_not_what_a_lambda_will_do() -> None:
    analysis = analysed("def work():\n    return [a.b(c, d=e[f]) + g, {h: (not i)}, f'{j}', lambda: k]\n")
    scope = function(analysis.program, "example.work")
    (returned,) = scope.facts.returned
    names = {part[1] for part in within(returned.value, scope) if part[0] == "name"}
    assert names == set("abcefghij") - {"b"}
