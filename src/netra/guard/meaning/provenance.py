"""Where it is said what an object is: the line that a reader has to look at to believe it."""

from netra.guard.facts import Expression
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step


def origin(expression: Expression, kind: ClassSymbol, scope: FunctionSymbol) -> tuple[Step, ...]:
    """The place that makes a name an object of that class, or that class; nothing where that is plain to see."""
    if expression[0] != "name" or expression[1] in ("self", "cls", kind.name):
        return ()
    name = expression[1]
    at: FunctionSymbol | None = scope
    while at is not None and name not in at.bound:
        at = at.parent
    if at is None:
        return ()
    if name in at.parameters:
        parameter = at.facts.parameters[at.parameters[name]]
        how = "is annotated as" if parameter.annotation is not None else "is given"
        return (Step(at.module.path, parameter.line, f"`{name}` {how} `{kind.name}` here"),)
    for each in at.assigned.get(name, ()):
        return (Step(at.module.path, each.line, f"`{name}` becomes `{kind.name}` here"),)
    for one in at.imported.get(name, ()):
        return (Step(at.module.path, one.line, f"`{name}` is imported here"),)
    return ()
