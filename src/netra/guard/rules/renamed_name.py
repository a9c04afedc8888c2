"""M202."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.revisions.departures import departures, described, scope_of, used
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("M202", "renamed-name")
def renamed_name(analysis: Analysis) -> Iterator[Sighting]:
    """Something has another name, or stands in another module, than at the revision that is compared with, and the program
    still uses the old one.

    It is found only with `--since REV`: one finding, at the new place; the places that still use the old name are in its `why`.
    What is like it tells where it went: the same body, the same members, the same value.

    ```python
    # users.py had `def plan_of(user)`
    def current_plan(user):  # M202: `plans.py` still imports `plan_of`
        ...
    ```
    """
    for each in analysis.once(departures):
        if each.place is not None:
            was = Step(each.gone.module.path, each.gone.line, f"{described(each.gone)} was here at {each.revision}")
            yield Sighting(
                scope_of(each.place),
                each.place.line,
                0,
                each.place.line,
                f"{described(each.gone)} is `{each.place.full_name}` now, and {used(each.left)}",
                (was, *each.steps),
                Mend(f"use `{each.place.full_name}` there, or keep the old name as well"),
                LIKELY,
            )
