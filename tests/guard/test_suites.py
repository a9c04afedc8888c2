import pytest

from netra.guard.suites import asserts_by_call, bodies, caught, collected, gives_up, inside, is_suite
from netra.guard.trying import handlers
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


def test_tests_are_found_in_files_that_are_not_named_as_pytest_asks_for() -> None:
    case = "from unittest import TestCase\nclass Case(TestCase): ...\n"
    files = {
        "checks/case.py": case,
        "checks/refund.py": "from checks.case import Case\nclass Refund(Case):\n    def test_whole(self): ...\n",
        "checks/direct.py": "import unittest\nclass Direct(unittest.TestCase):\n    def test_part(self): ...\n",
        "service/tests.py": "def test_called(): ...\n",
        "integration_tests/payment.py": "async def test_paid():\n    assert paid()\ndef prepare(): ...\n",
        "integration_tests/shared.py": "def test_user():\n    assert user()\n",
        "integration_tests/other.py": "from integration_tests.shared import test_user\n",
        "tests/conftest.py": "def test_data():\n    assert data()\n",
        "tests/plain.py": "def test_user(): ...\n",
        "api/values.py": "class TestCase(Model): ...\nclass Long(TestCase): ...\ndef test_connection(): ...\n",
    }
    found = {each.facts.qualified for each in collected(analysed(files))}
    assert found == {"Direct.test_part", "test_called", "test_paid"}


def test_each_handler_belongs_to_its_try() -> None:
    analysis = analysed({"tests/test_x.py": TEXT})
    scope = function(analysis.program, "tests.test_x.test_a")
    found = [(caught(handler), gives_up(scope, handler)) for _, handler in handlers(scope)]
    assert found == [(frozenset({"ValueError", "Exception"}), False), (frozenset({"KeyError"}), True)]


def test_a_call_that_may_fail_a_test_is_known_by_its_name() -> None:
    assert asserts_by_call("assert_called") and asserts_by_call("verify_login")
    assert not asserts_by_call("print") and not asserts_by_call(None)


def test_only_files_that_pytest_looks_into_are_suites() -> None:
    modules = analysed(dict.fromkeys(["tests/test_x.py", "tests/x_test.py", "tests/helpers.py"], "x = 1")).modules
    assert [is_suite(each) for each in modules] == [True, True, False]


def test_what_is_inside_is_found_at_any_depth() -> None:
    analysis = analysed("def f():\n class A:\n  def g(self): return lambda: 1\n")
    assert [each.name for each in inside(function(analysis.program, "example.f"))] == ["A", "g", "<lambda>"]


def test_a_handler_that_keeps_or_hands_on_the_error_gives_up() -> None:
    body = "def test_a():\n    try:\n        run()\n    except Exception as error:\n        {}\n"
    given_up = []
    for line in ("print(str(error))", "judge(str(error))", "last = error", "os._exit(1)"):
        scope = function(analysed({"tests/test_x.py": body.format(line)}).program, "tests.test_x.test_a")
        given_up += [gives_up(scope, handler) for _, handler in handlers(scope)]
    assert given_up == [False, True, True, True]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("asyncio.run(inner())", "inner"),
        ("asyncio.get_event_loop().run_until_complete(inner())", "inner"),
        ("anyio.run(inner)", "inner"),
        ("assert asyncio.run(inner())", "test_it"),
        ("asyncio.run(other())", "test_it"),
        ("asyncio.run(inner()); check_all()", "test_it"),
        ("asyncio.run(inner()); asyncio.run(inner())", "test_it"),
    ],
)
def test_of_a_test_that_only_runs_a_coroutine_function_of_its_own_that_one_is_the_body(line: str, name: str) -> None:
    text = f"def test_it():\n    async def inner(): ...\n    {line}\n"
    assert [each.name for each in bodies(analysed({"tests/test_it.py": text}))] == [name]
