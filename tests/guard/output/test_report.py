from netra.guard.output.report import Findings
from tests.guard.output.examples import findings


def test_findings_are_counted_and_their_lines_are_there() -> None:
    found: Findings = findings()
    assert found.counts == {"A101": 1, "A104": 1}
    assert found.line("app.py", 9).strip() == 'if é and save("é"):'
    assert found.line("app.py", 99) == ""
