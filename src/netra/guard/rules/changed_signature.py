"""M203."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.revisions.departures import steps
from netra.guard.revisions.outdated import signature_changes
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol
from netra.guard.values import Step


@rule("M203", "changed-signature")
def changed_signature(analysis: Analysis) -> Iterator[Sighting]:
    """A function or a constructor takes other parameters than at the revision that is compared with, and calls in the program
    fit only what it took before.

    A parameter was added that has to be given, removed, renamed, moved, or can be given by name only; a class got a field
    without a default. It is found only with `--since REV`: one finding for what changed, with every call
    that breaks in its `why`.

    ```python
    def plan_of(user, *, tenant):  # M203: was `def plan_of(user)`
        ...


    plan_of(user)  # is not given `tenant`
    ```

    Calls that hand on `*args` or `**kwargs`, and functions under a decorator that may change what they take, are left alone.
    """
    for each in analysis.once(signature_changes):
        changed = each.changed
        what = "the constructor of " if isinstance(changed, ClassSymbol) else ""
        number = len(each.calls)
        calls = "one call still gives" if number == 1 else f"{number} calls still give"
        was = Step(each.before.module.path, each.before.facts.line, f"it took what they give at {named(analysis)}")
        yield Sighting(
            changed.body if isinstance(changed, ClassSymbol) else changed,
            changed.facts.line,
            changed.facts.column,
            changed.facts.line,
            f"{what}`{changed.name}` takes other parameters now, and {calls} what it took before",
            (was, *steps((one.scope.module.path, one.call.line, f"`{changed.name}` {one.how} here") for one in each.calls)),
            Mend("change the calls as well, or give what is new a default"),
        )


def named(analysis: Analysis) -> str:
    """The revision that is compared with."""
    return analysis.past.named if analysis.past is not None else ""
