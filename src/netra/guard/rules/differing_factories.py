"""D111."""

from collections.abc import Iterator
from dataclasses import dataclass

from netra.guard.analysis import Analysis
from netra.guard.database.endings import Endings, GivenSession
from netra.guard.facts import Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Step

MAKING = ("sessionmaker", "async_sessionmaker")
# With what SQLAlchemy takes where nothing is said.
RULES = {"autocommit": False, "autoflush": True, "expire_on_commit": True}


@dataclass(frozen=True, slots=True)
class SessionRules:
    """One call of `sessionmaker`, with the engine that its sessions work on and the rules that they follow."""

    scope: FunctionSymbol
    index: int
    name: str
    engine: VariableSymbol
    rules: tuple[tuple[str, bool], ...]


@rule("D111", "differing-factories")
def differing_factories(analysis: Analysis) -> Iterator[Sighting]:
    """Two factories, or two dependencies, give sessions of one engine that commit, flush or expire by different rules.

    Code that is handed a session cannot know which it has: the same lines write in one place, and lose what they wrote, or
    read what is out of date, in the other.

    ```python
    Session = sessionmaker(engine, autoflush=False)
    ReportSession = sessionmaker(engine)  # D111
    ```

    So with two dependencies, or two context managers, of one factory: one commits when its user is done, the other only closes.
    Make one factory, and let the code that needs another rule say so for its own session.
    """
    yield from _committing_and_not(Endings(analysis))
    by_engine: dict[VariableSymbol, list[SessionRules]] = {}
    for name in MAKING:
        for scope, index in analysis.program.calls_named.get(name, ()):
            made = _made(analysis, scope, index)
            if made is not None:
                by_engine.setdefault(made.engine, []).append(made)
    for factories in by_engine.values():
        first = factories[0]
        for other in factories[1:]:
            differing = [key for (key, one), (_, two) in zip(first.rules, other.rules, strict=True) if one != two]
            if differing and first.name != other.name:
                call, before = other.scope.facts.calls[other.index], first.scope.facts.calls[first.index]
                which = " and ".join(f"`{each}`" for each in differing)
                message = f"`{other.name}` and `{first.name}` make sessions of one engine with different {which}"
                step = Step(first.scope.module.path, before.line, f"`{first.name}` is made here")
                mend = Mend("make one factory, and let who needs another rule say so for its own session")
                yield Sighting(other.scope, call.line, call.column, call.end_line, message, (step,), mend, LIKELY)


def _committing_and_not(endings: Endings) -> Iterator[Sighting]:
    """Two generators that are used alike, of which one commits for whoever uses it."""
    committing: dict[tuple[object, str], GivenSession] = {}
    every = list(endings.generators())
    for each in every:
        if each.commits:
            committing.setdefault((each.factory, each.sort), each)
    for each in every:
        other = committing.get((each.factory, each.sort))
        if other is not None and not each.commits:
            yield _differs(each.function, other.function, f"a {each.sort}")
    for own, above, kind in endings.overriding():
        yield _differs(own, above, f"the exit of a `{kind.name}`")


def _differs(function: FunctionSymbol, other: FunctionSymbol, what: str) -> Sighting:
    name, committing = function.facts.qualified, other.facts.qualified
    message = f"`{name}` closes without a commit what `{committing}`, {what} as well, commits"
    steps = [Step(other.module.path, other.facts.line, f"`{committing}` commits when whoever uses it is done")]
    given = next((each.line for each in function.facts.returned if each.how == "yield"), 0)
    if given:
        steps.append(Step(function.module.path, given, "and nothing commits behind what is given out here"))
    mend = Mend("let both end the unit of work in one way, or say in the name that nothing is written")
    return Sighting(
        function, function.facts.line, function.facts.column, function.facts.line, message, tuple(steps), mend, LIKELY
    )


def _made(analysis: Analysis, scope: FunctionSymbol, index: int) -> SessionRules | None:
    call = scope.facts.calls[index]
    keywords = dict(call.keywords)
    engine = keywords.get("bind") or (call.arguments[0] if call.arguments else None)
    if engine is None or scope.module.in_tests or "**" in keywords or call.where[0] != "assign":
        return None
    symbol = analysis.program.evaluate(engine, scope)
    rules = tuple((key, _said(keywords.get(key), default)) for key, default in RULES.items())
    name = last_name(call.where[1])
    if not isinstance(symbol, VariableSymbol) or name is None or any(value is None for _, value in rules):
        return None
    return SessionRules(scope, index, name, symbol, tuple((key, bool(value)) for key, value in rules))


def _said(given: Expression | None, default: bool) -> bool | None:
    """What a keyword says; None for what is only known when it runs."""
    match given:
        case None:
            return default
        case ("constant", "bool", bool(value)):
            return value
    return None
