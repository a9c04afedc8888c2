"""S106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Routine, Step, TypeOf

# Kinds of things whose ids are never one another's. A session or a conversation may well be a thread, and a
# file the document that is made of it.
KINDS = frozenset("user thread message run document project organization tenant agent tool team workspace".split())


@rule("S106", "swapped-identifier", default=False)
def swapped_identifier(analysis: Analysis) -> Iterator[Sighting]:
    """The id of one kind of thing is passed where another's is expected.

    Both are strings, so no type checker minds. A thread's id that is taken for a user's finds nothing, or somebody else's rows.

    ```python
    def threads_of(user_id: str): ...


    threads_of(thread_id)  # S106
    ```
    """
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            given = [(position, each) for position, each in enumerate(call.arguments) if _kind(each)]
            named = [(name, each) for name, each in call.keywords if _kind(each) and _kind(("name", name))]
            if not given and not named:
                continue
            function: FunctionSymbol | None = None
            shift = 0
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=called, bound=bound) if not called.module.library:
                    function = called
                    shift = 1 if bound and called.owner is not None else 0
                case TypeOf():
                    pass
                case _:
                    continue
            pairs: list[tuple[str, Expression]] = list(named)
            if function is not None:
                parameters = function.facts.parameters
                for position, each in given:
                    if position + shift < len(parameters) and parameters[position + shift].position == "positional":
                        pairs.append((parameters[position + shift].name, each))
            for name, each in pairs:
                wanted, got = _kind(("name", name)), _kind(each)
                if wanted and got and wanted != got:
                    message = f"`{written(each, scope)}` is passed as `{name}`: the id of a {got} for that of a {wanted}"
                    why = () if function is None else (
                        Step(function.module.path, function.facts.line, f"`{function.name}` expects `{name}`"),
                    )  # fmt: skip
                    yield Sighting(scope, call.line, call.column, call.end_line, message, why, Mend(f"pass a `{wanted}_id`"))


def _kind(expression: Expression) -> str | None:
    """`user` of `user_id`, of `request.user_id` and of `user.id`."""
    name = last_name(expression)
    if name is None or not name.endswith("id"):
        return None  # so it is with nearly every argument of every call there is
    if name == "id":
        kind = (last_name(expression[1]) or "") if expression[0] == "attribute" else ""
    else:
        kind = name.removesuffix("_id") if name.endswith("_id") else ""
    return kind if kind in KINDS else None
