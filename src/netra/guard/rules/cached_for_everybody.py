"""S113."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, TOP, CallSite, Decorator, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.makers import maker
from netra.guard.requests.ambient import CALLS, Ambient
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import MUTATING, Sharing
from netra.guard.requests.singletons import CACHING, OF_SOMEBODY, Singletons
from netra.guard.requests.slots import is_container
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step

# A function that does no more than this gives what it reads, so many calls away.
FEW: Final = 3
FURTHEST: Final = 2

# What else keeps what a function gives, by its arguments or by the address of a route, and where it may be told of more.
KEEPING: Final = CACHING | frozenset(
    "cached memoize memoized alru_cache ttl_cache lru_cache_ttl timed_cache cached_view".split()
)
# What keeps it in the object, and so for all where there is one object of the class.
IN_OBJECT: Final = frozenset("cached_property reify async_cached_property".split())
TOLD: Final = frozenset("key key_prefix key_builder key_func make_cache_key make_name unless source_check vary_on".split())

# What keeps what it has loaded under a key, for as long as the object is there, and the libraries it is of.
LOADERS: Final = frozenset({"DataLoader"})
OF_LOADERS: Final = frozenset("strawberry aiodataloader promise graphql_sync_dataloaders ariadne".split())
LOADING: Final = frozenset({"load_fn", "batch_load_fn"})
# How a loader is asked, and how it is let forget; one with a map of its own may forget by itself.
ASKED: Final = frozenset("load load_many load_all".split())
FORGETTING: Final = frozenset("clear clear_many clear_all prime prime_many".split())
OWN_CACHE: Final = "cache_map"

# What Litestar fills by these names is of the request, whatever else is provided.
OF_REQUEST: Final = frozenset("request socket headers cookies query body data scope".split())
# What libraries have for a function that asks who is served.
OF_LIBRARIES: Final = frozenset(each.rpartition(".")[2] for each in CALLS)

# Words of parameters that may hold what the context says.
OF_CONTEXT: Final = frozenset("context ctx scope org organization organisation workspace locale language who whom".split())


@rule("S113", "cached-for-everybody", hesitant=True)
def cached_for_everybody(analysis: Analysis) -> Iterator[Sighting]:
    """What a function under `lru_cache` gives is kept for all who call it, and it is made of one request, or changed by one.

    ```python
    @lru_cache
    def whoami(locale):
        return {"user": current_user.get(), "locale": locale}  # S113: the first to ask is the user of all
    ```

    A context variable is no argument, so it is no part of the key, and neither is the session, or the user of a request that a
    framework keeps at hand, nor a variable of the module in which a request leaves its user. And a list or dictionary that the
    function gives is the same object for every caller: who adds to it adds for all. A method that is cached without a limit
    keeps every object that it is called on. A `cached_property` of an object of which there is one for all keeps what it gave
    to whoever asked first. So it is with a loader of GraphQL that is made once for the process: what it has loaded, it keeps
    for good. And with what Litestar provides with `use_cache=True`, which it keeps for all requests; and with a field that its
    class leaves out when it compares (`field(compare=False)`): who is equal gets what was made for another. Pass what it
    depends on as an argument, and change only copies.
    """
    singletons = analysis.once(Singletons)
    cached = [scope for scope in analysis.scopes if scope.decorator_names & CACHING and not scope.module.in_tests]
    for scope in cached:
        made = None if scope.owner is None or not _keeps_all(scope) else singletons.made_while_served(scope.owner)
        if made is not None:
            message = f"`{scope.facts.qualified}` is cached with its `self`: every object that it is called on is kept for good"
            at, forget = scope.facts.line, Mend("cache in the object, or give the cache a limit")
            yield Sighting(scope, at, scope.facts.column, at, message, (made,), forget, LIKELY)
        yield from _left_behind(analysis, scope)
        yield from _uncompared(analysis, scope)
    yield from _with_the_context(analysis)
    yield from _with_the_request(analysis)
    yield from _by_loaders(analysis)
    yield from _provided(analysis)
    given = {scope.name: scope for scope in cached if _gives_container(scope)}
    for caller, _, call in analysis.calls_of(*given):
        function = given[last_name(call.callee) or ""]
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=found) if found is function and (way := analysis.once(Serving).way(caller)):
                if call.where[0] == "assign" and (line := _changed(call.where[1], caller)):
                    message = (
                        f"`{function.name}` is cached, and what it gives is changed by `{caller.name}` for all who ask for it"
                    )
                    why = (Step(caller.module.path, line, f"`{caller.name}` changes it here"), *way)
                    at = function.facts.line
                    yield Sighting(function, at, function.facts.column, at, message, why, Mend("change a copy of it"))


def _kept_by(analysis: Analysis, scope: FunctionSymbol) -> Decorator | None:
    """The decorator that keeps what a function gives, unless it is told more of what the key is made of."""
    if not scope.decorator_names.isdisjoint(IN_OBJECT) and not scope.module.in_tests:
        one = scope.owner is not None and analysis.once(Singletons).made(scope.owner) is not None
        return next(each for each in scope.facts.decorators if last_name(each.callee) in IN_OBJECT) if one else None
    if KEEPING.isdisjoint(scope.decorator_names):
        return None
    decorator = next((each for each in scope.facts.decorators if last_name(each.callee) in KEEPING), None)
    told = scope.module.in_tests or decorator is None or {name for name, _ in decorator.keywords} & TOLD
    return None if told else decorator


def _with_the_context(analysis: Analysis) -> Iterator[Sighting]:
    """It reads a context variable, which is no argument: `load(viewer.get(), section)`."""
    for scope in analysis.scopes:
        if (decorator := _kept_by(analysis, scope)) is None:
            continue
        # What other decorators keep may well be read with the session of whoever comes first, which says nothing of them.
        personal = last_name(decorator.callee) not in CACHING | IN_OBJECT
        for call in scope.facts.calls:
            if (variable := _context_read(analysis, call, scope, personal=personal)) is not None:
                message = f"`{scope.name}` is cached, and reads the context of whoever asks first: all others get that"
                mend = _mend(decorator)
                by = "in the one object that all have" if last_name(decorator.callee) in IN_OBJECT else "by its arguments alone"
                kept = Step(scope.module.path, scope.facts.line, f"`{scope.name}` is cached here, {by}")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (variable, kept), mend)
                break


def _mend(decorator: Decorator) -> Mend:
    if last_name(decorator.callee) in IN_OBJECT:
        return Mend("work it out each time, in a plain property")
    return Mend("pass it as an argument, so that it is part of the key")


def _by_loaders(analysis: Analysis) -> Iterator[Sighting]:
    """`loader = DataLoader(load_fn=salaries)` at the top of a module, where `salaries` asks the context whose turn it is."""
    for scope, _, making in analysis.calls_of(*LOADERS):
        told = dict(making.keywords)
        if scope.facts.sort != TOP or scope.module.in_tests or told.get("cache") == ("constant", "bool", False):
            continue
        given = next((told[name] for name in LOADING if name in told), next(iter(making.arguments), None))
        match analysis.program.evaluate(making.callee, scope):
            case External(dotted=dotted) if given is not None and dotted.partition(".")[0] in OF_LOADERS:
                pass
            case _:
                continue
        match analysis.receivers.value(given, scope):
            case Routine(function=loading) if not loading.module.library:
                read = (_read_by(analysis, call, loading, FURTHEST, personal=True) for call in loading.facts.calls)
                variable = next((each for each in read if each is not None), None)
                if variable is not None:
                    message = f"what `{loading.name}` loads is kept for all, and it reads the context of whoever asks first"
                    kept = Step(scope.module.path, making.line, "the loader is made here, once for the process")
                    mend = Mend("make a loader for each request")
                    yield Sighting(scope, making.line, making.column, making.end_line, message, (variable, kept), mend)
                elif (
                    OWN_CACHE not in told
                    and _fetches(loading)
                    and (asked := _asked_for_good(analysis, making, scope)) is not None
                ):
                    message = (
                        f"what `{loading.name}` loads is kept for as long as the process lives: nobody sees what is changed"
                    )
                    mend = Mend("make a loader for each request, or one with `cache=False`")
                    yield Sighting(scope, making.line, making.column, making.end_line, message, (asked,), mend)


def _fetches(loading: FunctionSymbol) -> bool:
    """It waits for somebody else, and may be told something else the next time; what is only worked out stays what it is."""
    return bool(loading.facts.awaits) or any(each.what == "with async" for each in loading.facts.blocks)


def _asked_for_good(analysis: Analysis, making: CallSite, top: FunctionSymbol) -> Step | None:
    """Where the loader is asked for something while somebody is served, if nobody ever lets it forget what it has loaded."""
    if making.where[0] != "assign" or making.where[1][0] != "name":
        return None
    loader, asked = (top, making.where[1][1]), None
    for scope, _, call in analysis.calls_of(*FORGETTING, *ASKED):
        if call.callee[0] != "attribute" or last_name(call.callee[1]) != loader[1]:
            continue
        match analysis.program.evaluate(call.callee[1], scope):
            case VariableSymbol(scope=at, name=name) if (at, name) == loader:
                if call.callee[2] in FORGETTING:
                    return None
                if asked is None and scope in analysis.once(Serving) and not scope.module.in_tests:
                    asked = Step(scope.module.path, call.line, f"`{scope.facts.qualified}` asks it here, for whoever comes")
    return asked


def _provided(analysis: Analysis) -> Iterator[Sighting]:
    """`Provide(language, use_cache=True)` of Litestar, which asks `language` once for the process, and it reads a header."""
    origins = analysis.once(Origins)
    for scope, _, making in analysis.calls_of("Provide"):
        if dict(making.keywords).get("use_cache") != ("constant", "bool", True) or not making.arguments:
            continue
        if scope.module.in_tests or maker(making.callee, scope, analysis.program) != "litestar":
            continue
        match analysis.receivers.value(making.arguments[0], scope):
            case Routine(function=providing) if not providing.module.library:
                given = (origins.of(each.value, providing, each.line) for each in providing.facts.returned)
                origin = next((o for o in given if o is not None and (o.personal or o.name in OF_REQUEST)), None)
                if origin is not None:
                    message = f"what `{providing.name}` provides is kept for all, and it is made of the request that came first"
                    mend = Mend("leave `use_cache` out: it is asked once for each request then")
                    yield Sighting(scope, making.line, making.column, making.end_line, message, origin.steps, mend)


def _with_the_request(analysis: Analysis) -> Iterator[Sighting]:
    """It acts for who is asking, as the request says, and no argument: `load(current_user.id, section)`."""
    identities = analysis.once(SignedIn)
    for scope in analysis.scopes:
        if (decorator := _kept_by(analysis, scope)) is None:
            continue
        used = [(call.given, call.line, call.column, call.end_line) for call in scope.facts.calls]
        used += [(tuple(within(each.value, scope)), each.line, each.column, each.line) for each in scope.facts.returned]
        for values, line, column, end_line in used:
            said = next((each for each in values if identities.is_left(each, scope)), None)
            root = said
            while root is not None and root[0] in ("attribute", "subscript"):
                root = root[1]
            if said is None or root is None or root[1] in scope.parameters or root[0] != "name":
                continue
            message = (
                f"`{scope.name}` is cached, and acts for whoever asks first (`{written(said, scope)}`): all others get that"
            )
            mend = _mend(decorator)
            kept = Step(scope.module.path, decorator.line, f"`{last_name(decorator.callee)}` keeps what `{scope.name}` gives")
            yield Sighting(scope, line, column, end_line, message, (kept,), mend)
            break


def _left_behind(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    """It reads a variable of the module in which a request leaves whose it is."""
    sharing, origins = analysis.once(Sharing), analysis.once(Origins)
    for write in sharing.writes_of(*scope.facts.loads):
        if write.how != "slot" or write.scope is scope or sharing.slot(("name", write.slot.name), scope) != write.slot:
            continue
        origin = origins.of(write.value, write.scope, write.line)
        if origin is not None and origin.personal:
            message = (
                f"`{scope.name}` is cached, and reads `{write.slot.name}`, which is whoever asked last: all others get that"
            )
            step = Step(write.scope.module.path, write.line, f"`{write.scope.facts.qualified}` leaves it there")
            mend = Mend("pass it as an argument, so that it is part of the key")
            yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (*origin.steps, step), mend)
            return


def _uncompared(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    """It reads a field of what it is given that two may differ in and be equal: `name: str = field(compare=False)`."""
    decorator = _kept_by(analysis, scope)
    for parameter in scope.facts.parameters if decorator is not None else ():
        place = ("name", parameter.name)
        match analysis.receivers.value(place, scope):
            case Instance(kind=kind) if not kind.module.library:
                apart = {
                    each.target[1]: (above, each)
                    for above in analysis.program.order(kind)[0]
                    for given in above.body.assigned.values()
                    for each in given
                    if each.value[0] == "call" and _is_left_out(above.body.facts.calls[each.value[1]])
                }
            case _:
                continue
        read = next((each for each in scope.facts.reads if each.expression[1] == place and each.expression[2] in apart), None)
        if read is not None and decorator is not None and not scope.assigned.get(parameter.name):
            name = read.expression[2]
            above, field = apart[name]
            message = f"`{scope.name}` is cached by what its `{parameter.name}` equals, and `{name}` is no part of that"
            why = (
                Step(above.module.path, field.line, f"two of `{above.name}` are equal whatever their `{name}`"),
                Step(scope.module.path, read.line, f"`{scope.name}` reads it here"),
            )
            mend = Mend(f"pass `{name}` as an argument, or let it be compared")
            yield Sighting(scope, decorator.line, scope.facts.column, decorator.line, message, why, mend)
            return


def _is_left_out(call: CallSite) -> bool:
    told, no = dict(call.keywords), ("constant", "bool", False)
    # What its object works out itself, out of the others, is the same where they are.
    return last_name(call.callee) == "field" and told.get("compare") == no and told.get("init") != no


def _keeps_all(scope: FunctionSymbol) -> bool:
    """A method under `cache` or `lru_cache(maxsize=None)`, which forgets nothing."""
    if not scope.facts.parameters or scope.facts.parameters[0].name != "self":
        return False
    return any(
        last_name(each.callee) == "cache" or dict(each.keywords).get("maxsize") == NOTHING
        for each in scope.facts.decorators
        if last_name(each.callee) in CACHING
    )


def _context_read(analysis: Analysis, call: CallSite, scope: FunctionSymbol, *, personal: bool) -> Step | None:
    """Where the context variable is made that a call in a cached function reads, itself or by what it calls."""
    told = any(each not in ("self", "cls") for each in scope.parameters)
    if (found := _asked(analysis, call, scope, personal=personal)) is not None:
        return found
    return None if told and _may_be_told(analysis, scope) else _read_by(analysis, call, scope, FURTHEST, personal=personal)


def _asked(analysis: Analysis, call: CallSite, scope: FunctionSymbol, *, personal: bool) -> Step | None:
    """`asking.get()`, `get_access_token()` of a library; with `personal`, only of what holds who is asking."""
    known = analysis.once(Ambient).call(call.callee, scope) if call.callee[-1] in OF_LIBRARIES else None
    if known is not None and (known[1] or not personal):
        return Step(scope.module.path, call.line, f"`{known[0]}` is of whoever is served")
    if call.callee[0] != "attribute" or call.callee[2] != "get":
        return None
    if personal and not analysis.once(SignedIn).is_context(call.callee[1], scope):
        return None
    return _context(analysis, call.callee[1], scope)


def _read_by(analysis: Analysis, call: CallSite, scope: FunctionSymbol, depth: int, *, personal: bool) -> Step | None:
    """The same of a function that is given nothing, and does no more than to read it: `current_user()`."""
    if (found := _asked(analysis, call, scope, personal=personal)) is not None:
        return found
    if depth == 0 or call.arguments or call.keywords:
        return None
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and len(function.facts.calls) <= FEW:
            if any(each not in ("self", "cls") for each in function.parameters):
                depth = 1
            inner = (_read_by(analysis, each, function, depth - 1, personal=personal) for each in function.facts.calls)
            return next((each for each in inner if each is not None), None)
    return None


def _may_be_told(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Somebody who makes a key of the context for it has thought of that: by the names, or as one of its calls passes it."""
    words = {word for name in scope.parameters for word in name.lower().split("_")}
    if words & (OF_SOMEBODY | OF_CONTEXT) - {"self", "cls"}:
        return True
    calls = [(caller, caller.facts.calls[index]) for caller, index in analysis.program.calls_named.get(scope.name, ())]
    made = (
        (caller, caller.facts.calls[part[1]])
        for caller, call in calls
        for given in call.given
        for part in within(given, caller)
        if part[0] == "call"
    )
    return not calls or any(_read_by(analysis, each, caller, FURTHEST, personal=False) is not None for caller, each in made)


def _context(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> Step | None:
    """Where the context variable is made that an expression names."""
    match analysis.program.evaluate(expression, scope):
        case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
            for each in at.assigned.get(name, ()):
                if each.value[0] == "call" and last_name(at.facts.calls[each.value[1]].callee) == "ContextVar":
                    return Step(at.module.path, each.line, f"`{name}` has a value for each request")
    return None


def _gives_container(scope: FunctionSymbol) -> bool:
    return any(is_container(each.value, scope) for each in scope.facts.returned)


def _changed(target: Expression, scope: FunctionSymbol) -> int:
    """The line on which what a name holds, or something in it, is changed in place; 0 if nowhere."""
    if target[0] != "name" or len(scope.assigned.get(target[1], ())) != 1:
        return 0
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[2] in MUTATING | REMOVING and _root(call.callee[1]) == target:
            return call.line
    stored = [each.line for each in scope.facts.assignments if each.target[0] == "subscript" and _root(each.target) == target]
    return next(iter(stored), 0)


def _root(expression: Expression) -> Expression:
    while expression[0] == "subscript":
        expression = expression[1]
    return expression
