"""D106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import CLOSING, SESSIONS, SQLALCHEMY, runs_for_itself
from netra.guard.database.kept import APPLICATIONS, OF_DOCUMENTS, KeptConnections, KeptForAll, on_application
from netra.guard.database.mixed_transactions import OF_ONE_TRANSACTION, MixedTransactions
from netra.guard.database.transactions import CLOSES, COMMITS, EXECUTES, FURTHEST, ROLLS_BACK, UNKNOWN, Transactions
from netra.guard.database.undone import undone_by
from netra.guard.entries.sorts import COMMAND
from netra.guard.facts import ASYNC, PLAIN, SELF, TOP, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.loading import AT_THE_ENDS, Loading
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.singletons import is_application, is_application_state
from netra.guard.requests.slots import Slot
from netra.guard.requests.task_objects import based_on, is_ended_after_a_run
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Step

# `aiosqlite` and `sqlite3` keep one connection in one thread, and are a matter of their own.
SINGLE = (
    SQLALCHEMY
    | OF_DOCUMENTS
    | frozenset(
        """asyncpg.Connection psycopg.AsyncConnection psycopg.Connection psycopg2.connection pymysql.Connection
    aiomysql.MysqlConnection""".split()
    )
)

# One object has all channels to which it is subscribed, and each message for whoever asks it first.
OF_CHANNELS = "redis.asyncio.PubSub"
SUBSCRIBING = frozenset({"subscribe", "psubscribe", "ssubscribe"})
LISTENING = frozenset({"listen", "get_message"})

# What ends the transaction that a run of a task has left, or the session with it.
ENDING = CLOSING | {"rollback"}

# How a method calls its own object or class.
OWN_OBJECT = (("name", "self"), ("name", "cls"))

# What is asked of a session or connection.
WORKING = tuple("execute executemany fetch fetchrow fetchval scalar scalars stream get add commit cursor transaction".split())

# How extensions and commands of a bot get to it.
BOTS = frozenset({"bot", "client"})
CARRYING = frozenset({"self", "ctx", "context", "interaction"})

# Handlers that are shown with what they share.
MOST_SHOWN = 5


@rule("D106", "shared-connection")
def shared_connection(analysis: Analysis) -> Iterator[Sighting]:
    """A session or connection is kept where every request finds the same one.

    A session is one unit of work: the rollback of one request undoes what another has written, and after one error nobody gets
    any further until the process is started again.

    ```python
    class People:
        def __init__(self):
            self.session = SessionLocal()  # D106: one `people` serves everybody

        def rename(self, number, name):
            self.session.get(Person, number).name = name
            self.session.commit()


    people = People()
    ```

    So is a session of which no request knows, in an object that lives as long as the server, where nothing ever ends what its
    first statement began: it holds its connection from then on, and fails for good with the first error. And so is one of the
    object that tasks of celery are based on (`base=DatabaseTask`), of which a worker has one for all runs, where no method ends
    it. And so is the one object by which all requests listen to channels of Redis, each to its own.
    And so is one connection of aiosqlite, where a function writes several times in it before it commits: what another request
    has written in between is committed by halves, or lost with an error that was not its own; or where one request rolls back
    and another may just be writing.

    Keep the engine, the pool or the factory, and open a session for each unit of work.
    """
    sharing = analysis.once(Sharing)
    serves = any(each.serves for each in analysis.reach.entries.values())
    every = analysis.once(KeptConnections).all()
    mixed = [*_mixed(analysis, [each for each in every if each.library == OF_ONE_TRANSACTION])]
    yield from mixed
    told = {(each.scope, each.line) for each in mixed}
    for kept in every:
        scope, target = kept.scope, kept.target
        if kept.library in SINGLE and (run := _of_all_runs(analysis, kept)) is not None:
            yield run
            continue
        slot = kept.slot or sharing.slot(target, scope) or on_application(target, scope)
        if kept.library == OF_CHANNELS and slot is not None and (heard := _of_all_channels(analysis, kept, slot)) is not None:
            yield heard
            continue
        alone = kept.library == OF_ONE_TRANSACTION and (kept.scope, kept.line) not in told
        if alone and slot is not None and (undone := _undone(analysis, kept, slot.step)) is not None:
            yield undone
        if kept.library not in SINGLE or slot is None:
            continue
        # Who is served and leaves it there, leaves it to whoever comes next.
        of_application = (
            is_application_state(target)
            or (on_application(target, scope) is not None and (bool(analysis.reach.serving) or serves))
            or (kept.slot is not None and kept.slot.owner in ("lifespan", "worker") and serves)
        )
        steps = () if of_application else analysis.reach.path_to(scope) if kept.left else _shown(analysis, kept)
        message = f"`{written(target, scope)}` keeps one `{kept.library}` for every request"
        if steps is None:
            message = f"`{written(target, scope)}` is one `{kept.library}` for as long as the server runs, in one transaction"
            steps = () if not kept.left and _never_ends(analysis, scope, target, kept.library) else None
        if steps is None:
            continue
        if of_application:
            steps = tuple(_readers(analysis, target))
        mend = Mend("keep the engine, pool or factory there, and open a session for each unit of work")
        confidence = CERTAIN if steps or of_application else LIKELY
        yield Sighting(scope, kept.line, kept.column, kept.end_line, message, (slot.step, *steps), mend, confidence)


def _mixed(analysis: Analysis, opened: list[KeptForAll]) -> Iterator[Sighting]:
    """Several requests write in the transaction of one connection of SQLite, and each commits what another has begun."""
    for mixed in MixedTransactions(analysis).mixed():
        scope, call = mixed.scope, mixed.ending
        steps = [mixed.slot.step, *analysis.reach.path_to(scope)]
        steps += [Step(scope.module.path, each.line, "writes in the transaction") for each in mixed.writes[:2]]
        steps.append(Step(scope.module.path, call.line, "ends it, with what others have written in the meantime"))
        message = f"one connection of SQLite has the transactions of all requests: they are mixed in `{scope.facts.qualified}`"
        mend = Mend("open a connection for each transaction, or let one wait for the other by a lock")
        place = opened[0] if len(opened) == 1 else None
        if place is None:
            yield Sighting(scope, call.line, call.column, call.end_line, message, tuple(steps), mend)
        else:
            yield Sighting(place.scope, place.line, place.column, place.end_line, message, tuple(steps), mend)


def _of_all_runs(analysis: Analysis, kept: KeptForAll) -> Sighting | None:
    """It is kept by the object that a task is based on: what one run has left in it, the next one commits or fails by."""
    scope, target = kept.scope, kept.target
    if target[:2] != ("attribute", SELF) or scope.owner is None or is_ended_after_a_run(scope.owner, target, ENDING):
        return None
    if (based := analysis.once(based_on).get(scope.owner)) is None:
        return None
    message = f"`{written(target, scope)}` is one `{kept.library}` for all runs of `{based[0].name}`, and no run ends it"
    mend = Mend("open it in the task, or close it in `after_return`")
    return Sighting(scope, kept.line, kept.column, kept.end_line, message, (based[1],), mend)


def _of_all_channels(analysis: Analysis, kept: KeptForAll, slot: Slot) -> Sighting | None:
    """Each request subscribes the one object to a channel of its own and listens: all hear what is meant for any of them, each
    message comes to one of them only, and who unsubscribes does so for all. One reader for all, who hands on, is left alone.
    """
    scope, target = kept.scope, kept.target
    for each in _using(analysis, scope, target):
        asked = {call.callee[2]: call for call in each.facts.calls if call.callee[0] == "attribute"
                 and last_name(call.callee[1]) == last_name(target)}  # fmt: skip
        subscribing = [asked[name] for name in sorted(SUBSCRIBING & asked.keys())]
        if not subscribing or LISTENING.isdisjoint(asked):
            continue
        own = {("name", name) for name in each.parameters if name not in ("self", "cls")}
        named = any(part in own for call in subscribing for given in call.given for part in within(given, each))
        if named and (steps := analysis.reach.path_to(each)):
            message = (
                f"`{written(target, scope)}` is one `{kept.library}` by which each request listens to a channel of its own"
            )
            mend = Mend("give each request one of its own: `async with client.pubsub() as channel`")
            return Sighting(scope, kept.line, kept.column, kept.end_line, message, (slot.step, *steps), mend)
    return None


def _undone(analysis: Analysis, kept: KeptForAll, kept_there: Step) -> Sighting | None:
    """Whoever is served writes in the one transaction of a connection, and somebody rolls it back for all."""
    scope, target = kept.scope, kept.target
    using = _users(analysis, scope, target)
    if target[0] == "subscript" or is_application_state(target):
        using = [each for each in analysis.scopes if not each.module.in_tests and not APPLICATIONS.isdisjoint(each.facts.loads)]
    served = [each for each in using if each.name not in CLOSING and analysis.reach.path_to(each)]
    found = undone_by(served, target, analysis.program)
    if found is None:
        return None
    undoing, call = found
    name = written(target, scope)
    message = f"`{name}` is one transaction for every request, and what one rolls back is what others have not committed yet"
    path = analysis.reach.path_to(undoing) or ()
    step = Step(undoing.module.path, call.line, f"`{undoing.facts.qualified}` rolls back, whoever has written")
    mend = Mend("open a connection for each unit of work, or hold one lock from the first statement to the commit")
    return Sighting(scope, kept.line, kept.column, kept.end_line, message, (kept_there, *path, step), mend)


def _readers(analysis: Analysis, target: Expression) -> Iterator[Step]:
    """Some of the handlers that find it on the application."""
    shown = 0
    for scope, entry in analysis.reach.entries.items():
        if shown < MOST_SHOWN and entry.serves and not scope.module.in_tests and not APPLICATIONS.isdisjoint(scope.facts.loads):
            given = [(each.value, each.line) for each in scope.facts.assignments]
            given += [(each, call.line) for call in scope.facts.calls for each in (call.callee[1], *call.arguments)
                      if call.callee[0] == "attribute"]  # fmt: skip
            line = next((line for value, line in given if _same_place(value, target)), 0)
            if line:
                shown += 1
                yield Step(scope.module.path, line, f"`{scope.facts.qualified}` works with it for its request")


def _same_place(expression: Expression, target: Expression) -> bool:
    """The same name or key on an application, however the function gets to it."""
    if expression[0] != target[0] or expression[0] not in ("attribute", "subscript") or expression[2] != target[2]:
        return False
    one, other = expression[1], target[1]
    if last_name(one) != last_name(other):
        return False
    return is_application(one) or last_name(one) == "bot" or (one[0] == "attribute" and (
        is_application(one[1]) or one[2] == "bot_data"))  # fmt: skip


def _shown(analysis: Analysis, kept: KeptForAll) -> tuple[Step, ...] | None:
    """How a request gets to what is kept; nothing where only some function of the program does, None where nobody does."""
    scope, target = kept.scope, kept.target[1] if kept.target[0] == "subscript" else kept.target
    if kept.used_by:
        using = _unguarded([one for each in kept.used_by for one in (each, *_askers(each))])
        served = next((each for each in using if analysis.reach.path_to(each)), None)
        return None if served is None else analysis.reach.path_to(served)
    using = _using(analysis, scope, target)
    of_class = target[0] == "attribute" and target[1] != ("name", "self") and scope.owner is not None
    using = using or [scope] if of_class else using
    using += [asker for each in using for asker in _askers(each)]
    served = next((each for each in using if each.name not in CLOSING and analysis.reach.path_to(each)), None)
    if served is not None:
        return analysis.reach.path_to(served)
    lasts = of_class or (target[0] == "name" and (scope.facts.sort == TOP or target[1] in scope.facts.globals))
    commanded = any(runs_for_itself(analysis, each) for each in using)
    return () if using and lasts and not commanded and analysis.reach.serving else None


def _askers(scope: FunctionSymbol) -> list[FunctionSymbol]:
    """The methods that read a property, which nothing calls."""
    if scope.owner is None or not scope.decorator_names & {"property", "cached_property"}:
        return []
    methods = (each for named in scope.owner.methods.values() for each in named)
    return [each for each in methods if any(use.name == f"self.{scope.name}" for use in each.facts.uses)]


def _never_ends(analysis: Analysis, scope: FunctionSymbol, target: Expression, library: str) -> bool:
    """The methods of an object that lives as long as the server work with its session, and none ends what the first began.

    It holds its connection ever after, sees what was there in the beginning, and fails for good with the first error.
    """
    if library not in SESSIONS or target[0] != "attribute" or target[1] != ("name", "self") or scope.owner is None:
        return False
    using = _using(analysis, scope, target) if analysis.once(Loading).holds(scope.module) else []
    if not using or any({each.sort for each in analysis.reach.routes_to(one)} == {COMMAND} for one in using):
        return False
    transactions, name = analysis.once(Transactions), f"self.{target[2]}"
    does: set[str] = set()
    for method in (each for each in using if each.name not in CLOSING | AT_THE_ENDS):
        if any(
            use.name == name and use.where[0] in ("return", "yield", "element", "assign", "with") for use in method.facts.uses
        ):
            return False
        does |= transactions.of_parameter(method, name, library, FURTHEST)
    return EXECUTES in does and not does & {COMMITS, ROLLS_BACK, CLOSES, UNKNOWN}


def _using(analysis: Analysis, scope: FunctionSymbol, target: Expression) -> list[FunctionSymbol]:
    """The functions that use what is kept; nobody, where they keep each other out."""
    return _unguarded(_users(analysis, scope, target))


def _users(analysis: Analysis, scope: FunctionSymbol, target: Expression) -> list[FunctionSymbol]:
    """The functions that use what is kept."""
    if target[0] == "attribute" and scope.owner is not None and target[1] in OWN_OBJECT:
        classes = (scope.owner, *analysis.program.subclasses.get(scope.owner, ()))
        functions = [each for kind in classes for methods in kind.methods.values() for each in methods]
        using = [each for each in functions if any(use.name == f"self.{target[2]}" for use in each.facts.uses)]
        using += _asking_by_name(analysis, scope.owner, target[2])
        using += _asking_through(analysis, scope.owner, target[2])
    elif target[0] == "attribute":
        using = list(_asking(analysis, scope, target))
    else:
        symbol = analysis.program.lookup(target[-1], scope)
        loading = (each for each in analysis.scopes if target[-1] in each.facts.loads and not each.module.in_tests)
        using = [each for each in loading if analysis.program.lookup(target[-1], each) == symbol]
    return [each for each in using if each.facts.sort in (PLAIN, ASYNC) and each.name != "__init__"]


def _asking_by_name(analysis: Analysis, kind: ClassSymbol, attribute: str) -> list[FunctionSymbol]:
    """The functions that have an attribute of the one object of a class, by its name at the top of a module, `bot.conn`, or as
    the extensions of a bot have it: `self.bot.conn`.
    """
    names: set[VariableSymbol] = set()
    for scope, _, call in analysis.calls_of(kind.name):
        at_top = scope.facts.sort == TOP and call.where[0] == "assign" and call.where[1][0] == "name"
        if at_top and analysis.program.evaluate(call.callee, scope) is kind:
            names.add(VariableSymbol(scope, call.where[1][1]))
    bases = (last_name(base) or "" for each in analysis.program.order(kind)[0] for base in each.facts.bases)
    carried = BOTS if any(each.endswith(("Bot", "Client")) for each in bases) else frozenset()
    if not names and not carried:
        return []
    loaded = {each.name for each in names} | (CARRYING if carried else frozenset())
    found = []
    for scope in analysis.scopes:
        if not loaded.isdisjoint(scope.facts.loads) and not scope.module.in_tests:
            held = {each for call in scope.facts.calls for each in _held_by(call.callee)}
            holders = [each[1] for each in held if each[0] == "attribute" and each[2] == attribute]
            if any(
                (each[0] == "attribute" and each[2] in carried)
                or (each[0] == "name" and analysis.program.lookup(each[1], scope) in names)
                for each in holders
            ):
                found.append(scope)
    return found


def _asking_through(analysis: Analysis, kind: ClassSymbol, attribute: str) -> Iterator[FunctionSymbol]:
    """The functions that have an object of the class, and work with what it keeps: `self.base.connection.execute(…)`."""
    kinds = (kind, *analysis.program.subclasses.get(kind, ()))
    for scope, _, call in analysis.calls_of(*WORKING):
        held = call.callee[1] if call.callee[0] == "attribute" else call.callee
        if held[0] == "attribute" and held[2] == attribute and held[1] not in OWN_OBJECT and not scope.module.in_tests:
            match analysis.receivers.value(held[1], scope):
                case Instance(kind=found) if found in kinds:
                    yield scope


def _held_by(callee: Expression) -> Iterator[Expression]:
    """What a call is made on, and what that belongs to: `bot.conn` of `bot.conn.fetchrow(…)`."""
    while callee[0] == "attribute":
        callee = callee[1]
        yield callee


def _asking(analysis: Analysis, scope: FunctionSymbol, target: Expression) -> Iterator[FunctionSymbol]:
    """The functions that have an attribute of the same class or object, whatever they call that: `Store.session`."""
    sharing = analysis.once(Sharing)
    slot = sharing.slot(target, scope)
    for each in analysis.scopes if slot is not None else ():
        facts = each.facts
        given = [one for call in facts.calls for one in (call.callee, *call.given)]
        given += (
            [one.value for one in facts.assignments]
            + [one.value for one in facts.returned]
            + [one.expression for one in facts.reads]
        )
        asked = {one[1] if one[0] == "attribute" and one[2] != target[2] else one for one in given}
        named = [one for one in asked if one[0] == "attribute" and one[2] == target[2]]
        found = (sharing.slot(one, each) for one in named)
        if not each.module.in_tests and any(one is not None and slot is not None and one.key == slot.key for one in found):
            yield each


def _unguarded(using: list[FunctionSymbol]) -> list[FunctionSymbol]:
    """Nobody, when they wait for a lock, or it is a connection that only listens."""
    if any(
        "lock" in (last_name(each) or "").lower() for one in using for block in one.facts.blocks for each in block.expressions
    ):
        return []
    if any(last_name(call.callee) == "add_listener" for each in using for call in each.facts.calls):
        return []  # a connection that listens is one of its own
    return using
