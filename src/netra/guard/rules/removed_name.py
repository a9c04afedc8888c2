"""M201."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.revisions.departures import departures, described, used
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("M201", "removed-name")
def removed_name(analysis: Analysis) -> Iterator[Sighting]:
    """Something was removed since the revision that is compared with, and the program still uses it.

    A function, class, method, attribute, constant, module, member of an enumeration, or field of a constructor. It is found
    only with `--since REV`: one finding for what was removed, at the first place that still uses it;
    the others are in its `why`.

    ```python
    # plans.py had `def plan_of(user)`
    from plans import plan_of  # M201
    ```

    A place that expects the name to be missing, in a `try` that catches the error or behind `hasattr`, is left alone, and so is
    every class and module that gives itself names at run time.
    """
    for each in analysis.once(departures):
        if each.place is None:
            first = each.left[0]
            was = Step(each.gone.module.path, each.gone.line, f"{described(each.gone)} was here at {each.revision}")
            yield Sighting(
                first.scope,
                first.line,
                first.column,
                first.end_line,
                f"{described(each.gone)} was removed, and {used(each.left)}",
                (was, *each.steps),
                Mend(f"bring `{each.gone.name}` back, or change what uses it"),
            )
