"""Decorators that only look on: they log, time or count a call, and give what the function gives.

Whatever such a decorator stands on is what it is without it, and so it is taken for undecorated. One that asks for a right,
keeps an answer, catches an error or changes what is passed is none of them.
"""

from typing import Final

from netra.guard.facts import ASYNC, PLAIN, CallSite, Decorator, Expression, Parameter, last_name
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers, raises_again

# What a wrapper may call beside what it wraps: nothing that could refuse, keep or change anything. A function of the program
# may be called `log`, and do more; a method of a logger, a clock or a metric is called on one.
LOOKING: Final = frozenset(
    """wraps print perf_counter perf_counter_ns monotonic time time_ns process_time timedelta getLogger get_logger
    iscoroutinefunction uuid4 format round len str repr int float type getattr""".split()
)
LOOKING_ON: Final = LOOKING | frozenset(
    """debug info warning warn error exception critical log bind now utcnow today total_seconds isoformat observe labels inc
    dec set_attribute set_attributes record record_exception set_status start_span start_as_current_span add_event
    get_tracer""".split()
)


def only_looks_on(decorator: Decorator, by: FunctionSymbol, on: FunctionSymbol) -> bool:
    """`by`, the function that the decorator calls, leaves the function it stands on as it is."""
    given = by if not decorator.called else _made(by)
    if given is None or given.facts.sort != PLAIN or len(given.facts.parameters) != 1 or on.facts.sort not in (PLAIN, ASYNC):
        return False
    wrapped = given.facts.parameters[0].name
    inner = {("name", each.name): each for each in given.children}
    returned = [each.value for each in given.facts.returned]
    if not returned or any(each not in inner for each in returned) or given.facts.falls or not _harmless(given, ""):
        return False
    wrappers = [inner[each] for each in returned]
    return all(_looks_on(each, wrapped) for each in wrappers) and any(each.facts.sort == on.facts.sort for each in wrappers)


def _made(factory: FunctionSymbol) -> FunctionSymbol | None:
    """The decorator that `@logged("orders")` makes: the one function that it returns."""
    returned = [each.value for each in factory.facts.returned]
    made = [each for each in factory.children if ("name", each.name) in returned]
    return made[0] if len(made) == len(returned) == 1 and factory.facts.sort == PLAIN and _harmless(factory, "") else None


def _looks_on(wrapper: FunctionSymbol, wrapped: str) -> bool:
    facts = wrapper.facts
    if facts.sort not in (PLAIN, ASYNC) or facts.yields or facts.falls or wrapper.decorator_names != {"wraps"}:
        return False
    caught = [handler for _, handler in handlers(wrapper)]
    if not all(raises_again(each, wrapper) for each in caught):
        return False
    if any(not any(each.line <= line <= each.end_line for each in caught) for line in facts.raises):
        return False
    if any(how == "return" for how, _ in facts.jumps) or not _harmless(wrapper, wrapped):
        return False
    calls = [index for index, call in enumerate(facts.calls) if call.callee == ("name", wrapped)]
    if len(calls) != 1 or not passes_all(wrapper, wrapped):
        return False
    given: Expression = ("call", calls[0])
    awaited = ("await", given) if facts.sort == ASYNC else given
    return all(_is_what_it_gives(each.value, awaited, wrapper) for each in facts.returned)


def _is_what_it_gives(value: Expression, given: Expression, wrapper: FunctionSymbol) -> bool:
    """The call of what is wrapped, or the name that it was put under."""
    kept = wrapper.assigned.get(value[1], ()) if value[0] == "name" else ()
    return value == given or (len(kept) == 1 and kept[0].how == "=" and kept[0].value == given)


def _harmless(scope: FunctionSymbol, wrapped: str) -> bool:
    """It calls nothing that could do more than look, refuses and keeps nothing, holds nobody off, and does nothing twice."""
    kept = any(each.target[0] != "name" for each in scope.facts.assignments)
    entered = (each.expressions[0] for each in scope.facts.blocks if each.what.startswith("with"))
    looped = any(each.what == "loop" for each in scope.facts.blocks)
    calls = all(_is_harmless(call, wrapped) for call in scope.facts.calls)
    own = not (kept or looped or scope.facts.globals or scope.facts.asserts)
    return own and calls and all(each[0] == "call" for each in entered)


def _is_harmless(call: CallSite, wrapped: str) -> bool:
    harmless = LOOKING if call.callee[0] == "name" else LOOKING_ON
    return last_name(call.callee) in harmless or (bool(wrapped) and call.callee == ("name", wrapped))


def passes_all(wrapper: FunctionSymbol, wrapped: str) -> bool:
    """The wrapper takes anything, changes nothing of it, and calls what it wraps with all of it and nothing else."""
    match wrapper.facts.parameters:
        case (*first, Parameter(position="arguments", name=rest), Parameter(position="keywords", name=named)) if all(
            each.position == "positional" and each.default is None for each in first
        ):
            pass
        case _:
            return False
    # `def wrapper(self, *args, **kwargs)` passes `self` on as it came.
    before = [("name", each.name) for each in first]
    given = ((*before, ("star", ("name", rest))), (("**", ("name", named)),))
    calls = [call for call in wrapper.facts.calls if call.callee == ("name", wrapped)]
    if not calls or any((call.arguments, call.keywords) != given for call in calls):
        return False
    if any(("name", wrapped) in call.arguments and given[0][-1] in call.arguments for call in wrapper.facts.calls):
        return False  # `return partial(function, *args, **kwargs)`, when something is left out
    touched = any(call.callee[0] == "attribute" and call.callee[1] == ("name", named) for call in wrapper.facts.calls)
    stored = any(each.target[0] == "subscript" and each.target[1] == ("name", named) for each in wrapper.facts.assignments)
    return not (touched or stored or any(each.name in wrapper.assigned for each in wrapper.facts.parameters))
