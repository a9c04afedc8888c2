from netra.guard.requests.brought import Origin, named_for, of_framework, of_tool, proven
from tests.guard.programs import analysed, function

DATA = Origin("question", (), personal=False)


def test_what_is_made_of_a_request_and_called_a_user_is_one() -> None:
    named = named_for("user_id", DATA)
    assert named is not None and named.personal
    assert named_for("title", DATA) is DATA
    assert named_for("user_id", None) is None


def test_a_header_that_says_who_asks_is_of_one_user() -> None:
    headers = ("attribute", ("name", "request"), "headers")
    signed, plain = (proven(headers, ("string", key), DATA) for key in ("Authorization", "Accept"))
    assert signed is not None and signed.personal
    assert plain is DATA
    assert proven(headers, ("string", "Authorization"), None) is None


def test_what_a_framework_has_ready_comes_in_where_it_is_read() -> None:
    scope = function(analysed("x = 1\ndef tool(ctx): ...\n").program, "example.tool")
    assert of_framework(None, scope) is None
    ready = of_framework(("request.user", True), scope)
    assert ready is not None and (ready.name, ready.personal, ready.steps[0].line) == ("request.user", True, 2)
    assert (of_tool(scope).personal, of_tool(scope).steps[0].line) == (False, 2)
