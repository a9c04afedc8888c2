from netra.guard.suites import asserts_by_call, caught, collected, gives_up, handlers
from tests.guard.programs import analysed, function

TEXT = """
import pytest
@pytest.fixture
def test_data(): return 1
def test_a():
    try:
        run()
    except (ValueError, Exception):
        pass
    except KeyError:
        raise
def helper(): ...
"""


def test_a_fixture_and_a_helper_are_no_tests() -> None:
    assert [each.name for each in collected(analysed({"tests/test_x.py": TEXT}))] == ["test_a"]
    assert list(collected(analysed({"app.py": TEXT}))) == []


def test_each_handler_belongs_to_its_try() -> None:
    analysis = analysed({"tests/test_x.py": TEXT})
    scope = function(analysis.program, "tests.test_x.test_a")
    found = [(caught(handler), gives_up(scope, handler)) for _, handler in handlers(scope)]
    assert found == [(frozenset({"ValueError", "Exception"}), False), (frozenset({"KeyError"}), True)]


def test_a_call_that_may_fail_a_test_is_known_by_its_name() -> None:
    assert asserts_by_call("assert_called") and asserts_by_call("verify_login")
    assert not asserts_by_call("print") and not asserts_by_call(None)
