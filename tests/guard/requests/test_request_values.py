from netra.guard.requests.request_values import RequestValues
from tests.guard.programs import analysed, function


def sent(route: str, others: str, parameter: str = "value") -> bool:
    """Whether a client's text gets into a parameter of `f`."""
    analysis = analysed(f"import re, enum\nclass Kind(enum.Enum): ...\n@app.get('/')\n{route}\n{others}\n")
    return RequestValues(analysis).sent(function(analysis.program, "example.f"), parameter) is not None


def test_a_parameter_of_a_route_is_sent_by_the_client() -> None:
    assert sent("def f(value: str): ...", "")
    assert sent("def f(value): ...", "")
    assert not sent("def f(value: int): ...", "")
    assert not sent("def f(value: Kind): ...", "")
    assert not sent("def f(value: str = Depends(current)): ...", "def current(): ...")


def test_what_a_route_hands_on_is_sent_as_well() -> None:
    assert sent("def r(name: str): f(name)", "def f(value): ...")
    assert sent("def r(body: Body): g(body.name)", "def g(x): f(1, value=x)\ndef f(y, value): ...")
    assert not sent("def r(name: str): f('fixed')", "def f(value): ...")
    assert not sent("def r(name: str): ...", "def f(value): ...")


def test_what_is_checked_on_its_way_is_not() -> None:
    for check in (
        "re.fullmatch('x', name)",
        "if name not in NAMES: raise Refused",
        "name.isalnum()",
        "quote_ident(name)",
        "name = clean(name)",
    ):
        assert not sent(f"def r(name: str):\n    {check}\n    f(name)", "def f(value): ..."), check


def test_the_way_of_a_value_is_told_from_the_route_down() -> None:
    analysis = analysed("@app.get('/p')\ndef r(name: str): f(name)\ndef f(value): ...\n")
    steps = RequestValues(analysis).sent(function(analysis.program, "example.f"), "value")
    assert [each.note for each in steps or ()] == ["GET /p takes `name` from the client", "which hands it on to `f`"]
