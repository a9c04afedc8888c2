import pytest

from netra.guard.children import spares_another
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
