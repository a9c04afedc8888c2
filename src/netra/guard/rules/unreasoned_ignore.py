"""G103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule


@rule("G103", "unreasoned-ignore")
def unreasoned_ignore(analysis: Analysis) -> Iterator[Sighting]:
    """A `# guard: ignore[…]` gives no reason, and so excuses nothing.

    Whoever reads the line later has to know why the fault is none: `# guard: ignore[A111] the file is a few bytes`.
    """
    for module in analysis.modules:
        for ignore in module.file.ignores:
            if not ignore.reason:
                codes = ", ".join(ignore.codes)
                message = f"`# guard: ignore[{codes}]` gives no reason, so it excuses nothing"
                yield Sighting(module.top, ignore.line, 0, ignore.line, message, mend=Mend("say why behind the bracket"))
