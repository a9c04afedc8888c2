from netra.prove.checkers.secrets import check
from tests.prove.histories import Told


def test_a_secret_that_is_told_is_a_breach() -> None:
    history = Told().at(3)
    history.see("leaked", "POST /auth/login", 2, what="a Python traceback", excerpt="Traceback")
    history.see("leaked", "gateway-1.log", what="a private key", excerpt="-----")
    assert [breach.witness for breach in check(history.records)] == [
        "at 3.0 s user 2 was told a Python traceback: …Traceback…",
        "at 3.0 s gateway-1.log holds a private key: …-----…",
    ]
