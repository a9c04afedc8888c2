"""Findings for people: the place, the line with a caret, what proves it, who can get there, how to mend it."""

from netra.guard.faults import CERTAIN, Fault
from netra.guard.output.report import Findings


def text(findings: Findings) -> str:
    """All findings, the files in order, and one line that sums them up."""
    parts = [_one(findings, fault) for fault in findings.faults]
    return "".join([*parts, _sum(findings)])


def _one(findings: Findings, fault: Fault) -> str:
    likely = "" if fault.confidence == CERTAIN else " (likely)"
    head = f"{fault.path}:{fault.line}:{fault.column + 1}: {fault.code} {fault.message}{likely}\n"
    return head + "".join(f"    {line}\n" for line in _below(findings, fault)) + "\n"


def _below(findings: Findings, fault: Fault) -> list[str]:
    lines = []
    source = findings.line(fault.path, fault.line)
    if source.strip():
        indent = len(source) - len(source.lstrip())
        # Columns count bytes, as `ast` does; what stands before the caret may be wider than one.
        before = len(source.encode()[: fault.column].decode("utf-8", "ignore"))
        number = f"{fault.line} | "
        lines += [number + source.strip(), " " * (len(number) + max(before - indent, 0)) + "^"]
    for step in fault.why:
        place = f"{step.path}:{step.line}: " if step.path else ""
        lines.append(f"why    {place}{step.note}")
    if fault.reach:
        lines.append(f"reach  {', '.join(fault.reach)}")
    if fault.mend is not None:
        lines.append(f"mend   {fault.mend.words}{' (--fix)' if fault.mend.edits else ''}")
    return lines


def _sum(findings: Findings) -> str:
    files = "1 file" if findings.files == 1 else f"{findings.files:,} files"
    lines = "1 line" if findings.lines == 1 else f"{findings.lines:,} lines"
    looked = f"{files}, {lines}, {findings.seconds:.1f} s"
    known = f"; {findings.hidden} more are in the baseline" if findings.hidden else ""
    if not findings.faults:
        return f"Nothing found in {looked}{known}.\n"
    number = len(findings.faults)
    counts = ", ".join(f"{code} {count}" for code, count in findings.counts.items())
    return f"{number} {'finding' if number == 1 else 'findings'} ({counts}) in {looked}{known}.\n"
