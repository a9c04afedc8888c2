"""Findings as workflow commands, which GitHub shows beside the changed lines of a pull request."""

from netra.guard.faults import CERTAIN, Fault
from netra.guard.output.report import Findings


def github(findings: Findings) -> str:
    """One command a line."""
    return "".join(_command(fault) for fault in findings.faults)


def _command(fault: Fault) -> str:
    level = "error" if fault.confidence == CERTAIN else "warning"
    steps = [f"{step.path}:{step.line}: {step.note}" if step.path else step.note for step in fault.why]
    message = "\n".join([fault.message, *steps])
    where = f"file={_property(fault.path)},line={fault.line},endLine={fault.end_line},col={fault.column + 1}"
    return f"::{level} {where},title={_property(f'{fault.code} {fault.rule}')}::{_data(message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
