"""A116."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, CallSite
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import Contexts
from netra.guard.meaning.overriding import misfits
from netra.guard.meaning.places import WRONG, Fate
from netra.guard.reading import is_waived
from netra.guard.rule import rule
from netra.guard.source.waivers import OVERRIDE
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf, Step


@rule("A116", "misfit-override")
def misfit_override(analysis: Analysis) -> Iterator[Sighting]:
    """An `async def` overrides a plain method, or a plain one an `async def`, and callers take it for the other.

    ```python
    class Detector:
        def finished(self, audio):
            return self.predict(audio)["prediction"] == 1

        def predict(self, audio): ...


    class RemoteDetector(Detector):
        async def predict(self, audio):  # A116: `finished` subscripts a coroutine
            return await self.client.post(audio)
    ```

    So it is where others than the class call the method above, on an object that may be of either class, and nobody in the
    program awaits what such a call gives or hands the method on.

    The other way round, `await self.predict(audio)` awaits what a plain method gives, and raises TypeError. Nothing is
    reported where the caller asks whether what it gets is to be awaited, where the annotation above leaves that open, and
    where the class overrides the caller as well or leaves it behind, and on a line on which another checker is told to be
    silent about overriding (`# type: ignore[override]`).
    """
    contexts = Contexts(analysis.program, analysis.receivers, analysis.reach.serving)

    def judge(scope: FunctionSymbol, call: CallSite, value: CoroutineOf) -> str | None:
        wrong = WRONG | {Fate.DROPPED, Fate.MISMATCHED}
        found = [each for each in contexts.placed(scope, call, value) if each.fate in wrong]
        return found[0].how if found else None

    for each in misfits(analysis.program, analysis.receivers, judge):
        method, facts = each.method, each.method.facts
        if is_waived(method, OVERRIDE, facts.line):
            continue
        whose = each.above.owner.name if each.above.owner is not None else ""
        at = Step(each.caller.module.path, each.call.line, f"`{each.caller.name}` calls it here: {each.how}")
        above = Step(each.above.module.path, each.above.facts.line, f"it overrides `{whose}.{method.name}`")
        if facts.sort == ASYNC:
            message = (
                f"`{method.name}` is an `async def` in the place of a plain method, and `{each.caller.name}` awaits nothing"
            )
            mend = Mend(f"let `{whose}.{method.name}` be an `async def` as well, and await it wherever it is called")
        else:
            message = f"`{method.name}` is a plain method in the place of an `async def`, and `{each.caller.name}` awaits it"
            mend = Mend(f"declare `{method.name}` as `async def`")
        yield Sighting(method, facts.line, facts.column, facts.line, message, (above, at), mend)
