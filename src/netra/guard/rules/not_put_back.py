"""S119."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.requests.put_back import put_back
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("S119", "not-put-back", hesitant=True)
def not_put_back(analysis: Analysis) -> Iterator[Sighting]:
    """x"""
    for each in put_back(analysis):
        write, path = each.write, each.write.scope.module.path
        name = write.slot.name
        back = Step(path, each.back.line, "here what was there comes back")
        if each.failing is not None:
            message = f"`{name}` is shared, and stays as it is set here when what follows fails: no `finally` puts back what was there"
            why = (back, Step(path, each.failing.line, "an error here leaves it"), write.slot.step)
        else:
            message = f"`{name}` is shared, and others meet what is set here until what was there comes back"
            why = (back, Step(path, each.waiting or 0, "others run here"), write.slot.step)
        mend = Mend("hand it on as an argument, or keep it in an object of this request")
        yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, mend, CERTAIN)
