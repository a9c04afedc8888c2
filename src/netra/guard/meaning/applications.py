"""What a program keeps on the application of a web framework: `app.state.pool`, `app.ctx.pool`, `request.app["pool"]`."""

from typing import Final

from netra.guard.facts import OTHER, Assignment, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.questions import Questions
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Value, agreed

# How the application of a web framework is called.
APPLICATIONS: Final = frozenset({"app", "application", "_app"})
HAVING: Final = APPLICATIONS | {"self", "request"}


class KeptOnApplications:
    """Answers what stands in one of these places; the applications of one program count as one."""

    def __init__(self, receivers: Questions) -> None:
        self._receivers = receivers
        self._known: dict[Expression, Value | None] = {}

    def of(self, expression: Expression) -> Value | None:
        """What an expression is, by what the program puts there; None when it is no such place."""
        if (key := _place(expression)) is None:
            return None
        if key not in self._known:
            self._known[key] = None  # what is put there out of itself finds
            value = agreed(self._receivers.assigned(self._put.get(key, [])))
            self._known[key] = value if isinstance(value, Instance) else None
        return self._known[key]

    @lazily
    def _put(self) -> dict[Expression, list[tuple[FunctionSymbol, Assignment]]]:
        """What a program outside its tests puts on its applications, by the place."""
        found: dict[Expression, list[tuple[FunctionSymbol, Assignment]]] = {}
        for scope in self._receivers.program.scopes:
            if not scope.module.in_tests and not HAVING.isdisjoint(scope.facts.loads):
                for each in scope.facts.assignments:
                    if each.target[0] in ("attribute", "subscript") and (key := _place(each.target)) is not None:
                        found.setdefault(key, []).append((scope, each))
        return found


def _place(expression: Expression) -> Expression | None:
    """`("state", "pool")` of `app.state.pool`, the key of `request.app["pool"]`."""
    match expression:
        case ("attribute", ("attribute", application, "state" | "ctx"), str(name)) if last_name(application) in APPLICATIONS:
            return ("state", name)
        case ("subscript", application, key) if last_name(application) in APPLICATIONS and key != OTHER:
            return ("item", key)
    return None
