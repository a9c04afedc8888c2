import pytest

from netra.guard.meaning.clients_of_tests import asked_of_clients, is_let_go
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("made", "call", "asked"),
    [
        ("TestClient(app)", "client.get('/')", True),
        ("app.test_client()", "client.post('/')", True),
        ("AsyncClient(transport=given)", "client.get('/')", True),
        ("AsyncClient()", "client.get('/')", False),
        ("TestClient(app, raise_for_status=True)", "client.get('/')", False),
        ("TestClient(app)", "client.close()", False),
        ("Client(app)", "client.get('/')", False),
    ],
)
def test_a_test_client_is_known_by_what_makes_it(made: str, call: str, asked: bool) -> None:
    analysis = analysed({"tests/test_web.py": f"client = {made}\n\n\ndef test_it():\n    {call}\n"})
    scope = next(each for each in analysis.scopes if each.name == "test_it")
    assert bool(list(asked_of_clients(scope, analysis.program))) == asked


def test_an_answer_that_gets_a_name_is_not_let_go() -> None:
    analysis = analysed(
        {"tests/test_web.py": "client = TestClient(app)\n\n\ndef test_it():\n    client.get(1)\n    a = client.get(2)\n"}
    )
    scope = next(each for each in analysis.scopes if each.name == "test_it")
    assert [is_let_go(call) for _, call in asked_of_clients(scope, analysis.program)] == [True, False]
