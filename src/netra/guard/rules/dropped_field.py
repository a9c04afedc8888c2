"""M106."""

from collections.abc import Iterator
from difflib import get_close_matches

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.models import IGNORE, extra
from netra.guard.members.members import MODELS, MemberNames, is_bound_once
from netra.guard.members.signatures import Signatures
from netra.guard.program import ClassSymbol
from netra.guard.reading import named, own_callables
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("M106", "dropped-field", default=False)
def dropped_field(analysis: Analysis) -> Iterator[Sighting]:
    """A pydantic model is made with a field that it does not have, and drops it without a word.

    No error tells that the value is lost: that is what `extra="ignore"` means, and it is what pydantic does by default.

    ```python
    class Receipt(BaseModel):
        total: int
        paid_at: datetime | None = None


    Receipt(total=3, payed_at=now())  # M106: `paid_at` stays None
    ```

    Models that look at their input first (a validator before the fields, a constructor of their own, generated aliases) and
    models below a class that is not known are left alone.
    """
    members = analysis.once(MemberNames)
    signatures = analysis.once(Signatures)
    names = analysis.once(own_callables)
    for scope in analysis.scopes:
        for call in scope.facts.calls:
            if not call.keywords or not named(call.callee, names):
                continue
            kind = analysis.program.evaluate(call.callee, scope)
            if not isinstance(kind, ClassSymbol) or not members.above(kind, MODELS) or not is_bound_once(kind):
                continue
            if members.of(kind) is None or kind.name in members.rivals or extra(kind, analysis.program) != IGNORE:
                continue
            taken = signatures.of_model(kind)
            for name, _ in call.keywords:
                if taken is not None and name != "**" and name not in taken.keywords:
                    close = get_close_matches(name, sorted(taken.keywords), 1)
                    yield Sighting(
                        scope,
                        call.line,
                        call.column,
                        call.end_line,
                        f"`{kind.name}({name}=…)`: the model has no field `{name}`, and drops it without an error",
                        (Step(kind.module.path, kind.facts.line, f"these are the fields of `{kind.name}`"),),
                        Mend(f"`{close[0]}` is meant, or it has to be added" if close else "add the field, or leave it out"),
                    )
