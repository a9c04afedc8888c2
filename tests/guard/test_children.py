import pytest

from netra.guard.children import handed_over, spared_takers, spares_another, takers
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("CLEAN", True),
        ("little()", True),
        ("looked_up()", True),
        ("all_of_it()", False),
        ("os.environ", False),
        ("{'PATH': '/bin'}", True),
        ("{**CLEAN}", True),
        ("CLEAN | {'LC_ALL': 'C'}", True),
    ],
)
def test_a_module_spares_a_child_by_what_it_keeps_for_that(given: str, expected: bool) -> None:
    text = f"""
        import os, subprocess
        CLEAN = {{"PATH": "/bin"}}
        def little(): return {{"PATH": "/bin"}}
        def looked_up(): return {{"PATH": os.environ["PATH"]}}
        def all_of_it(): return {{**os.environ}}
        def start(): subprocess.run(["ls"], env={given})
        """
    analysis = analysed(text)
    assert spares_another(analysis, analysis.modules[0]) is expected


@pytest.mark.parametrize(
    ("given", "expected"), [("CLEAN", True), ("{'PATH': '/bin'}", True), ("{**os.environ}", False), ("{}", False)]
)
def test_a_module_spares_a_child_by_what_stands_at_the_call_too(given: str, expected: bool) -> None:
    text = f"""
        import os, subprocess
        CLEAN = {{"PATH": "/bin"}}
        def start(): subprocess.run(["ls"], env={given})
        """
    analysis = analysed(text)
    assert spares_another(analysis, analysis.modules[0]) is expected


TAKING = """
import os, subprocess
class Runner:
    def start(self, command, variables):
        subprocess.run(command, env=dict(variables))
    def other(self, command, variables):
        subprocess.run(command, env={"PATH": variables})
def little(): return {"PATH": "/bin"}
def f(): Runner().start(["ls"], GIVEN)
"""


@pytest.mark.parametrize(
    ("given", "spared"),
    [("{'PATH': '/bin'}", True), ("little()", True), ("{**os.environ}", False), ("os.environ.copy()", False)],
)
def test_a_function_starts_a_child_with_what_it_is_given(given: str, spared: bool) -> None:
    analysis = analysed(TAKING.replace("GIVEN", given))
    assert {each.name: name for each, name in takers(analysis).items()} == {"start": "variables"}
    assert [(taker.name, scope.name) for taker, scope, _, _ in handed_over(analysis)] == [("start", "f")]
    assert [each.name for each in spared_takers(analysis)] == (["start"] if spared else [])
