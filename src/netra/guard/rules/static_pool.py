"""D109."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import is_migration
from netra.guard.facts import OTHER, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.requests.loading import Loading
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

MAKING = ("create_engine", "create_async_engine")
ONE_CONNECTION = frozenset({"StaticPool", "AssertionPool"})


@rule("D109", "static-pool")
def static_pool(analysis: Analysis) -> Iterator[Sighting]:
    """All threads or requests share one connection to a database.

    `StaticPool` hands the same connection to everybody, and so does a connection of `sqlite3` that is kept with
    `check_same_thread=False`: what one request has written and not committed, the next one reads, commits or rolls back.

    ```python
    engine = create_engine(DATABASE_URL, poolclass=StaticPool)  # D109
    ```

    Leave the pool to SQLAlchemy, and open a connection for each unit of work. An engine whose `creator` gives a
    connection that was opened before is no better. A database in memory has no other way; that
    requests share it guard tells where a request is seen to work with an engine that is always in memory. A connection that a
    lock guards is left alone, and so is an engine of which one object keeps the one connection.
    """
    for name in MAKING:
        for scope, index in analysis.program.calls_named.get(name, ()):
            call = scope.facts.calls[index]
            if not scope.module.in_tests and (made := _handed_out_again(analysis, scope, call)) is not None:
                message = "`creator` gives this engine the same connection each time, whatever its pool"
                mend = Mend("open the connection in the function that `creator` names")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (made,), mend)
                continue
            pool = last_name(_keywords(scope, call).get("poolclass", ("none",)))
            if scope.module.in_tests or is_migration(scope.module):
                continue
            if pool is None and (entry := _entered(analysis, scope, call)) is not None and not _may_be_in_memory(scope, call):
                yield entry
                continue
            if pool not in ONE_CONNECTION:
                continue
            if _may_be_in_memory(scope, call):
                if _is_written_down(scope, call) and (used := _used_by_requests(analysis, scope, call)) is not None:
                    message = f"`{pool}` gives every request the same connection to a database in memory"
                    mend = Mend("keep the rows in a database of files, or let one task at a time work with them")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, (used,), mend)
                continue
            if not _keeps_one_itself(scope, call):
                message = f"`{pool}` gives every user of this engine the same connection"
                step = Step(scope.module.path, call.line, "the database is not known to be in memory")
                mend = Mend("leave `poolclass` out")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)
    sharing = analysis.once(Sharing)
    for scope, index in analysis.program.calls_named.get("connect", ()):
        call = scope.facts.calls[index]
        unchecked = ("check_same_thread", ("constant", "bool", False)) in call.keywords
        if unchecked and not scope.module.in_tests and call.where[0] == "assign" and not _may_be_in_memory(scope, call):
            slot = sharing.slot(call.where[1], scope)
            if slot is not None and not _is_guarded(scope):
                yield _shared(scope, call, slot)


def _handed_out_again(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> Step | None:
    """`creator=lambda: connection`, of one that was opened outside of it: where that was done. One in memory may be meant."""
    match dict(call.keywords).get("creator"):
        case ("lambda", int(number)):
            creator = scope.module.function(number)
        case ("name", _) as named:
            found = analysis.program.evaluate(named, scope)
            if not isinstance(found, FunctionSymbol):
                return None
            creator = found
        case _:
            return None
    given = [each.value for each in creator.facts.returned]
    if len(given) != 1 or given[0][0] != "name" or given[0][1] in creator.bound:
        return None
    match analysis.program.evaluate(given[0], creator):
        case VariableSymbol(scope=around, name=name):
            opened = around.assigned.get(name, ())
            if len(opened) == 1 and opened[0].value[0] == "call":
                made = around.facts.calls[opened[0].value[1]]
                if last_name(made.callee) == "connect" and not _may_be_in_memory(around, made):
                    return Step(around.module.path, opened[0].line, f"`{name}` is opened here, once")
    return None


def _keywords(scope: FunctionSymbol, call: CallSite) -> dict[str, Expression]:
    """The keywords of a call, with those of a local dictionary that is unpacked into it."""
    found = dict(call.keywords)
    match found.get("**"):
        case ("name", str(name)):
            for each in scope.assigned.get(name, ()):
                if each.value[0] == "dict":
                    found.update((key[1], value) for key, value in each.value[1] if key[0] == "string")
                elif each.value[0] == "call" and scope.facts.calls[each.value[1]].callee == ("name", "dict"):
                    found.update(scope.facts.calls[each.value[1]].keywords)
    return found


def _entered(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> Sighting | None:
    """`options["poolclass"] = StaticPool`, in a dictionary that is unpacked into the call, or that a function gives for it."""
    given, at = dict(call.keywords).get("**", OTHER), scope
    if given[0] == "call":
        match analysis.receivers.value(scope.facts.calls[given[1]].callee, scope):
            case Routine(function=function) if not function.module.library and len(function.facts.returned) == 1:
                given, at = function.facts.returned[0].value, function
    if given[0] != "name" or given[1] in at.parameters:
        return None
    entry = ("subscript", given, ("string", "poolclass"))
    for each in at.facts.assignments:
        if each.target != entry or last_name(each.value) not in ONE_CONNECTION or each.how != "=":
            continue
        tests = [test for block in at.facts.blocks if block.line <= each.line <= block.end_line for test in block.expressions]
        told = [(test, at) for test in tests] + [one for test in tests for one in _assigned(at, test)]
        if any(_says_memory(_words(test, where)) for test, where in told):
            continue
        message = f"`{last_name(each.value)}` gives every user of this engine the same connection"
        note = f"`{written(call.callee, scope)}(…)` makes the engine, and its database is not known to be in memory"
        step = Step(scope.module.path, call.line, note)
        return Sighting(at, each.line, each.column, each.line, message, (step,), Mend("leave `poolclass` out"))
    return None


def _says_memory(text: str) -> bool:
    return any(word in text.lower() for word in ("memory", "'sqlite://'", "'sqlite+aiosqlite://'"))


def _shared(scope: FunctionSymbol, call: CallSite, slot: Slot) -> Sighting:
    name = written(call.where[1], scope)
    message = f"`{name}` is one connection that all threads use, and nothing keeps them apart"
    mend = Mend("open a connection for each unit of work, or guard this one by a lock")
    return Sighting(scope, call.line, call.column, call.end_line, message, (slot.step,), mend)


def _may_be_in_memory(scope: FunctionSymbol, call: CallSite) -> bool:
    """The address says so, or a test around the call, or nobody can tell because the address is a parameter with a default."""
    where = call.arguments[0] if call.arguments else dict(call.keywords).get("url", ("none",))
    around = [each.expressions for each in scope.facts.blocks if each.what in ("if", "else")
              and each.line <= call.line <= each.end_line]  # fmt: skip
    texts = [_words(each, at) for each, at in (*((each, scope) for each in (where, *around)), *_assigned(scope, where))]
    return any(map(_says_memory, texts))


def _is_written_down(scope: FunctionSymbol, call: CallSite) -> bool:
    """The address is one text, or the default of a parameter that nobody gives; no test chooses it."""
    where = call.arguments[0] if call.arguments else dict(call.keywords).get("url", ("none",))
    chosen = any(each.what in ("if", "else", "case") and each.line <= call.line <= each.end_line for each in scope.facts.blocks)
    defaults = {each.name: each.default for each in scope.facts.parameters}
    if where[0] == "name" and where[1] in defaults and not scope.assigned.get(where[1]):
        where = defaults[where[1]] or where
    return where[0] == "string" and not chosen


def _used_by_requests(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> Step | None:
    """A function that a request leads to, which uses the engine, or what is made of it, out of the module that keeps it."""
    serving = analysis.once(Serving)
    if scope.facts.sort == TOP:
        kept = [(scope, call.where)]
    elif call.where[0] == "return":
        kept = []
        for caller, index in analysis.program.calls_named.get(scope.name, ()):
            made = caller.facts.calls[index]
            if caller.facts.sort == TOP and not made.arguments and not made.keywords and not caller.module.in_tests:
                kept.append((caller, made.where))
    else:
        kept = []
    for at, where in kept:
        names = {where[1][1]} if where[0] == "assign" and where[1][0] == "name" else set()
        for each in at.facts.assignments:
            if each.value[0] == "call" and each.target[0] == "name":
                given = at.facts.calls[each.value[1]]
                if any(one[0] == "name" and one[1] in names for one in given.given):
                    names.add(each.target[1])
        for user in analysis.scopes:
            if user in serving and (found := names.intersection(user.facts.loads)):
                for name in sorted(found):
                    if analysis.program.lookup(name, user) == analysis.program.lookup(name, at):
                        return Step(user.module.path, user.facts.line, f"`{user.facts.qualified}`, which serves, uses `{name}`")
        # Whoever lets threads share it, or makes it for tasks, in a module that a server loads, has more than one user of it.
        shared = last_name(call.callee) == "create_async_engine" or "check_same_thread" in str(_keywords(scope, call))
        if names and shared and analysis.once(Loading).holds(at.module):
            note = f"`{min(names)}` is there for all threads and tasks of a server that loads this module"
            return Step(at.module.path, scope.facts.line if at is not scope else call.line, note)
    return None


def _words(expression: Expression, scope: FunctionSymbol) -> str:
    """Every name and text in an expression, those of what it calls included."""
    called = ""
    if expression and expression[0] == "call":
        called = last_name(scope.facts.calls[expression[1]].callee) or ""
    inner = (_words(each, scope) for each in expression if isinstance(each, tuple))
    return f"{expression} {called} {' '.join(inner)}"


def _assigned(scope: FunctionSymbol, expression: Expression) -> Iterator[tuple[Expression, FunctionSymbol]]:
    """What a name is assigned here or at the top of the module, and its default, each with the scope in which it stands."""
    name = expression[1] if expression[0] == "name" else ""
    top = scope.module.top
    for at in (scope,) if scope is top else (scope, top):
        yield from ((each.value, at) for each in at.assigned.get(name, ()))
    for parameter in scope.facts.parameters:
        if parameter.name == name and parameter.default is not None and scope.parent is not None:
            yield parameter.default, scope.parent


def _keeps_one_itself(scope: FunctionSymbol, call: CallSite) -> bool:
    """`self.engine = create_engine(…)`, `self.connection = self.engine.connect()`: whatever the pool, it is one connection."""
    engine = call.where[1] if call.where[0] == "assign" else ("other",)
    kept = ("attribute", engine, "connect")
    return any(
        each.callee == kept and each.where[0] == "assign" and each.where[1][0] == "attribute" for each in scope.facts.calls
    )


def _is_guarded(scope: FunctionSymbol) -> bool:
    """The class, or the module, has a lock beside the connection."""
    owner = scope.owner
    names = (
        {*scope.module.top.assigned}
        if owner is None
        else {*owner.set_on_self, *owner.body.assigned, *scope.module.top.assigned}
    )
    return any("lock" in name.lower() or "mutex" in name.lower() for name in names)
