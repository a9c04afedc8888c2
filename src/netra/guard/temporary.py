"""Variables that are written for a while, for one who is served, and put back: until then everybody has them."""

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.entries.threaded import Threaded, is_pooled
from netra.guard.environment import Access, Replaced, Touch, accesses
from netra.guard.facts import ASYNC, BODY, TOP, CallSite, last_name
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.lookups import key_of
from netra.guard.ownership import ClearOwners
from netra.guard.putting_back import PutBack
from netra.guard.reporting import readers
from netra.guard.requests.each_time import EachTime
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.serving import Serving
from netra.guard.requests.ways import way_to
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step
from netra.guard.variables import OF_LIBRARIES


def written_for_a_while(analysis: Analysis, access: Access) -> Sighting | None:
    """The first write of a function that puts back what it has written, where a request leads to it and no lock is held."""
    patched = call_of(access.scope, access.mention) is None and access.mention.where[0] == "argument"
    put_back = analysis.once(PutBack)
    repairs = put_back.repairs(access.scope)
    if put_back.is_repair(access) or not (patched or repairs):
        return None
    first = min((each for each in put_back.writes(access.scope) if not put_back.is_repair(each)), key=lambda each: each.line)
    if access.line != first.line or is_under_lock(access) or _is_made_up(access):
        return None
    # A generator runs for whoever enters it, which may be the server at its start.
    asynchronous = access.scope.facts.sort == ASYNC and not access.scope.facts.yields
    late = asynchronous and analysis.once(ClearOwners).is_served(access)
    way = way_to(analysis, access.scope)
    if way and access.scope in analysis.once(Serving) and not analysis.once(EachTime).leads(access.scope, access.line):
        way = ()  # on the way stands a literal that ends a function before it gets there
    if not late and not way:
        return None
    clear = analysis.once(ClearOwners)
    if clear.is_of_a_script(access) or clear.fills_what_is_empty(access) or analysis.once(Replaced).holds(access.module):
        return None
    taken = call_of(access.scope, access.mention)
    if OF_LIBRARIES.fullmatch(access.variable) and taken is not None and last_name(taken.callee) == "pop":
        return None  # a library shall not look at it; nobody else does
    what = f"`{access.variable}`" if access.variable else "a variable"
    message = f"{what} is written to the environment of the whole process for a while, in which others are served"
    why = [Step(access.module.path, each.line, "put back here, over what others have written meanwhile") for each in repairs]
    why = [*way, *why, *readers(analysis, access)]
    place = (access.scope, access.line, access.column, access.end_line)
    return Sighting(*place, message, tuple(why), Mend("hand the value on, or give it to a child by `env=`"), CERTAIN)


def is_while_nobody_is_served(analysis: Analysis, access: Access) -> bool:
    """A coroutine function puts back what it writes before it awaits anything, and what reads the variable runs on the same
    event loop: nobody has a turn meanwhile.
    """
    scope = access.scope
    if scope.facts.sort != ASYNC or scope.facts.yields or not access.variable:
        return False
    repairs = [each for each in analysis.once(PutBack).repairs(scope) if each.variable == access.variable]
    if not repairs or any(each.scope is not scope or each.line <= access.line for each in repairs):
        return False
    if analysis.once(Interleaving).between(scope, access.line, max(each.line for each in repairs)) is not None:
        return False
    read = {each.scope for each in analysis.once(accesses) if each.touch is Touch.READ and each.variable == access.variable}
    read = {each for each in read if each is not scope and not each.module.in_tests and each.facts.sort not in (TOP, BODY)}
    return bool(read) and not _is_run_by_threads(analysis, read)


def _is_run_by_threads(analysis: Analysis, functions: set[FunctionSymbol]) -> bool:
    """A thread runs one of them, or what leads to it. A coroutine runs on the loop, whoever calls its function."""
    threaded = analysis.once(_threaded)
    waiting, seen = [*functions], {*functions}
    while waiting:
        at = waiting.pop()
        entry = analysis.reach.entries.get(at)
        if threaded.by(at) is not None or (entry is not None and is_pooled(at, entry.sort, analysis.program)):
            return True
        further = {caller for caller, _ in analysis.reach.callers(at) if caller.facts.sort != ASYNC} - seen
        seen |= further
        waiting += further
    return False


def _threaded(analysis: Analysis) -> Threaded:
    return Threaded(analysis.program, analysis.receivers)


def _is_made_up(access: Access) -> bool:
    """The name is made in the function, for the occasion: nobody else has it."""
    key = None if access.variable else key_of(access)
    return key is not None and any(each.target == key and each.how == "=" for each in access.scope.facts.assignments)


def is_under_lock(access: Access) -> bool:
    """It stands in `with lock:` or below `lock.acquire()`, whatever the lock is called."""
    facts = access.scope.facts
    if any(_acquires(each) and each.line < access.line for each in facts.calls):
        return True
    return any(
        each.what in ("with", "with async")
        and each.line <= access.line <= each.end_line
        and any("lock" in (last_name(part) or last_name(_made(part, access.scope)) or "").lower() for part in each.expressions)
        for each in facts.blocks
    )


def _acquires(call: CallSite) -> bool:
    return call.callee[0] == "attribute" and call.callee[2] == "acquire" and "lock" in (last_name(call.callee[1]) or "").lower()


def _made(part: tuple[object, ...], scope: FunctionSymbol) -> tuple[object, ...]:
    return scope.facts.calls[int(str(part[1]))].callee if part[0] == "call" else part
