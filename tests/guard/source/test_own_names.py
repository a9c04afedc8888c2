"""What is imported under another name has its own where the file says that name for nothing else."""

import pytest

from netra.guard.source.own_names import OwnNames
from tests.guard.programs import understood


def test_a_name_is_given_where_the_file_says_it_once_and_forgotten_when_it_means_something_else() -> None:
    own = OwnNames("from fastapi import Depends as Needs\nx = Needs(who)\n")
    assert own.give("Needs", "Depends")
    assert own.renamed == {"Needs": "Depends"}
    assert not own.give("who", "Needs")
    assert own.forget("Needs") and not own.forget("Needs")
    assert own.renamed == {}


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("import flask\nflask.request.args\nflask.g.user\n", ["request", "g"]),
        ("import flask\nflask.request.args\nrequest = 1\n", []),
        ("import flask\nflask.abort(404)\n", []),
    ],
)
def test_what_everybody_finds_in_a_module_stands_alone_where_nothing_else_is_called_so(text: str, opened: list[str]) -> None:
    assert OwnNames(text).open("flask", "flask") == opened
    assert OwnNames(text.replace("flask", "django")).open("django", "django") == []


def test_facts_call_the_request_of_a_module_by_its_own_name() -> None:
    file = understood("import quart as q\n\n\ndef f():\n    return q.request.args.get('user', q.session)\n")
    (call,) = file.functions[1].calls
    assert call.callee == ("attribute", ("attribute", ("name", "request"), "args"), "get")
    assert call.arguments[1] == ("name", "session")
    assert {"request", "session"} <= set(file.functions[1].loads)
    assert [(each.module, each.bound) for each in file.functions[0].imports if each.unsaid] == [
        ("quart", "request"),
        ("quart", "session"),
    ]
