from netra.guard.mocks import Mocked, is_patched
from tests.guard.programs import analysed, function


def mocked(text: str) -> tuple[Mocked, list[int]]:
    analysis = analysed(
        {"app.py": "def run(): ...\ndef other(): ...\n", "tests/test_app.py": f"import app\ndef test_it():\n{text}"}
    )
    scope = function(analysis.program, "tests.test_app.test_it")
    found = Mocked(analysis, scope)
    return found, [found.ends_in(call) for call in scope.facts.calls]


def test_a_call_ends_in_the_mock_that_a_name_holds() -> None:
    found, lines = mocked("    a = Mock()\n    a.b.c()\n    app.run()\n")
    assert bool(found) and lines == [0, 3, 0]


def test_a_patch_holds_inside_its_block_and_for_its_own_name_only() -> None:
    _, lines = mocked("    with patch('app.run'):\n        app.run()\n        app.other()\n    app.run()\n")
    assert lines == [0, 3, 0, 0]


def test_what_is_put_in_the_place_may_be_the_code_itself() -> None:
    found, lines = mocked("    with patch.object(app, 'run', app.other):\n        app.run()\n")
    assert not found and lines == [0, 0]


def test_a_mock_that_calls_the_code_is_known() -> None:
    assert mocked("    a = Mock(side_effect=app.run)\n")[0].calls_real
    assert mocked("    a = Mock()\n    a.side_effect = app.run\n")[0].calls_real
    assert not mocked("    a = Mock(side_effect=[1, 2])\n")[0].calls_real


def test_what_runs_before_each_test_patches_for_all_of_the_class() -> None:
    tests = """
class TestIt:
    def setUp(self):
        mock.patch("app.run").start()
    def test_it(self):
        app.run()
"""
    analysis = analysed({"app.py": "def run(): ...\n", "tests/test_app.py": f"import app\n{tests}"})
    scope = function(analysis.program, "tests.test_app.TestIt.test_it")
    assert is_patched("run", scope)
    assert not is_patched("other", scope)
