"""D123."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, Returned, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

TAKING: Final = frozenset({"next", "anext"})
TAKING_ITSELF: Final = frozenset({"__next__", "__anext__"})
ENDING: Final = frozenset("close aclose release disconnect shutdown remove rollback commit stop quit".split())
# The `with` blocks around what is given that end it.
ENTERING: Final = ("with", "with async")


@rule("D123", "closed-by-its-generator")
def closed_by_its_generator(analysis: Analysis) -> Iterator[Sighting]:
    """A session is taken out of a generator that nothing holds, which closes it before it is used.

    `next(get_db())` runs the generator up to its `yield`. Then nobody holds it, Python ends it, and what stands behind the
    `yield` runs: the session is closed (of an `async` one soon after, while it is in use). A session of SQLAlchemy opens
    another connection when it is used all the same, and nobody gives that one back, commits or rolls it back.

    ```python
    def get_db():
        with Session(engine) as session:
            yield session


    db = next(get_db())  # D123: closed already
    ```

    Enter what the generator does: `with contextmanager(get_db)() as db:` (`asynccontextmanager`), or open the session itself.
    A generator that is kept under a name, and one that ends nothing behind its `yield`, are left alone, and so is a session
    that the function closes by hand.
    """
    for scope, _, call in (*analysis.calls_of(*TAKING), *analysis.calls_of(*TAKING_ITSELF)):
        taken = _taken_from(call)
        if taken is None or scope.module.in_tests:
            continue
        match analysis.receivers.value(scope.facts.calls[taken].callee, scope):
            case Routine(function=function) if not function.module.library and not function.facts.decorators:
                pass
            case _:
                continue
        late = (last_name(call.callee) or "").strip("_") == "anext"
        # What is taken out in the way of the other kind is a TypeError, and another rule's.
        end = _end(function) if late == function.facts.asynchronous else None
        if end is None or _is_closed_by_hand(call, scope):
            continue
        when = "soon after, while it is in use" if late else "at once"
        message = f"what `{function.name}` gives is closed {when}: nothing holds its generator"
        whole = "async with asynccontextmanager" if late else "with contextmanager"
        mend = Mend(f"enter it (`{whole}({function.name})() as …`), or open one here")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (end,), mend)


def _taken_from(call: CallSite) -> int | None:
    """The call that begins the generator, where nothing else holds it: `next(get_db())`, `get_db().__next__()`."""
    match call.callee, call.arguments:
        case ("name", str(name)), (("call", int(index)), *_) if name in TAKING:
            return index
        case ("attribute", ("call", int(index)), str(name)), () if name in TAKING_ITSELF:
            return index
    return None


def _end(function: FunctionSymbol) -> Step | None:
    """What a generator with one `yield` does behind it to what it has given."""
    facts = function.facts
    given = [each for each in facts.returned if each.how == "yield"]
    if facts.sort not in (PLAIN, ASYNC) or len(given) != 1 or any(block.what == "loop" for block in facts.blocks):
        return None
    (only,) = given
    if only.value[0] != "name":
        return None
    for block in facts.blocks:
        if block.what in ENTERING and block.line <= only.line <= block.end_line and _binds(only.value, block.head, function):
            return Step(function.module.path, only.line, f"the `with` of `{function.name}` ends here, when nothing holds that")
    ended = _ended_in_finally(only, function)
    if ended is not None:
        return Step(
            function.module.path,
            ended.line,
            f"`{written(ended.callee, function)}(…)` runs when nothing holds `{function.name}`",
        )
    return None


def _binds(value: Expression, head: int, function: FunctionSymbol) -> bool:
    return any(each.target == value and each.how in ENTERING and each.line <= head + 1 for each in function.facts.assignments)


def _ended_in_finally(only: Returned, function: FunctionSymbol) -> CallSite | None:
    """`try: yield session` / `finally: session.close()`."""
    facts = function.facts
    tried = [block for block in facts.blocks if block.what == "try" and block.line <= only.line <= block.end_line]
    last = [block for block in facts.blocks if block.what == "finally" and any(block.line > each.end_line for each in tried)]
    for call in facts.calls:
        match call.callee:
            case ("attribute", inner, str(name)) if inner == only.value and name in ENDING:
                if any(block.line <= call.line <= block.end_line for block in last):
                    return call
    return None


def _is_closed_by_hand(call: CallSite, scope: FunctionSymbol) -> bool:
    """It is entered here, or closed by the function that takes it."""
    where = call.where[1] if call.where[0] == "await" and len(call.where) > 1 else call.where
    if where[0] in ENTERING:
        return True
    if where[0] != "assign":
        return False
    closing = [("attribute", where[1], name) for name in ("close", "aclose")]
    entered = [block.expressions for block in scope.facts.blocks if block.what in ENTERING]
    return any(each.callee in closing for each in scope.facts.calls) or any(where[1] in each for each in entered)
