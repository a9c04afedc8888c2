from netra.guard.meaning.expressions import within, written
from tests.guard.programs import analysed, function, program


def test_everything_an_expression_is_made_of_is_found_but_not_what_a_lambda_will_do() -> None:
    analysis = analysed("def work():\n    return [a.b(c, d=e[f]) + g, {h: (not i)}, f'{j}', lambda: k]\n")
    scope = function(analysis.program, "example.work")
    (returned,) = scope.facts.returned
    names = {part[1] for part in within(returned.value, scope) if part[0] == "name"}
    assert names == set("abcefghij") - {"b"}


def test_what_has_another_name_in_the_file_is_written_as_it_stands_there() -> None:
    text = "import flask as web\nfrom jobs import refresh as start\n\n\ndef f():\n    start(web.request.args)\n"
    scope = program({"app.py": text}).modules["app"].functions[1]
    (call,) = scope.facts.calls
    assert call.callee == ("name", "refresh")
    assert written(call.callee, scope) == "start"
    assert written(call.arguments[0], scope) == "web.request.args"
