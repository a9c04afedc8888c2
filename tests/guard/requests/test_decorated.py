"""A decorator that is told its key keeps one user's answer for everybody, unless the key says whose it is."""

import pytest

from netra.guard.requests.decorated import Decorated
from tests.guard.programs import analysed


def _left_out(text: str) -> list[tuple[str, str]]:
    return [(kept.scope.name, whose) for kept, whose, _ in Decorated(analysed(text)).for_everybody()]


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("memo(key=lambda user_id, folder: folder)", ["user_id"]),
        ("memo(lambda user_id, folder: folder)", ["user_id"]),
        ("memo(key=lambda whom, which: which)", ["user_id"]),
        ("memo(key='folder')", ["user_id"]),
        ("memo(key=lambda user_id, folder: (user_id, folder))", []),
        ("memo(key=lambda whom, which: f'{whom}:{which}')", []),
        ("memo(key=lambda *all: all)", []),
        ("memo(name='folder')", []),
        ("memo", []),
    ],
)
def test_a_key_leaves_out_whom_the_function_is_told_of(decorator: str, expected: list[str]) -> None:
    text = f"""
        from somewhere import memo

        @{decorator}
        def listed(user_id, folder): return query(user_id, folder)
        """
    assert _left_out(text) == [("listed", each) for each in expected]


def test_of_whom_the_function_reads_nothing_the_key_needs_to_say_nothing() -> None:
    text = """
        from somewhere import memo

        @memo(key=lambda user_id, folder: folder)
        def listed(user_id, folder): return query(folder)
        """
    assert _left_out(text) == []


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("lambda self, folder: folder", ["self.account"]),
        ("lambda self, folder: (self.size, folder)", ["self.account"]),
        ("lambda self, folder: (self.account, folder)", []),
        ("lambda self, folder: (self, folder)", []),
    ],
)
def test_a_key_leaves_out_whose_the_object_is(key: str, expected: list[str]) -> None:
    text = f"""
        from somewhere import memo

        class Mailbox:
            def __init__(self, account, size):
                self.account = account
                self.size = size

            @memo(key={key})
            def listed(self, folder): return query(self.account, folder)

        def answer(account): return Mailbox(account, 3).listed("in")
        """
    assert _left_out(text) == [("listed", each) for each in expected]


def test_what_tests_decorate_is_left_alone() -> None:
    text = """
        from somewhere import memo

        @memo(key=lambda user_id, folder: folder)
        def listed(user_id, folder): return query(user_id, folder)
        """
    analysis = analysed({"tests/test_listed.py": text, "app.py": text})
    assert [kept.scope.module.name for kept, _, _ in Decorated(analysis).for_everybody()] == ["app"]
