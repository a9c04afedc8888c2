"""What a library keeps for the process, and is given while somebody is served: a receiver of a signal, a listener of a bot.

Nothing of the program holds it, so nothing of the program shows that it grows; only to take it back is the program's.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, TOP, Block, CallSite, Expression, last_name
from netra.guard.meaning.makers import maker
from netra.guard.requests.each_time import EachTime
from netra.guard.requests.identities import parts
from netra.guard.requests.living import answers_each, is_of_connection
from netra.guard.requests.made_on_the_way import is_made_on_the_way
from netra.guard.requests.origins import Origins
from netra.guard.requests.out_of_hand import OutOfHand, is_made_here
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import Serving
from netra.guard.requests.singletons import Singletons
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

# What takes back what each of these has given.
TAKING_BACK: Final = {"connect": "disconnect", "register": "unregister", "addHandler": "removeHandler"}
# The same, for what keeps whatever function it is given, under the name of an event or without one.
LISTENING: Final = {
    "add_listener": "remove_listener",
    "on": "remove_listener",
    "add_event_handler": "remove_event_handler",
    "add_handler": "remove_handler",
    "addFilter": "removeFilter",
    "listen": "remove",
    "subscribe": "unsubscribe",
    "add_observer": "remove_observer",
    "register_handler": "unregister_handler",
    "add_callback": "remove_callback",
    "add_job": "remove_job",
    "add": "remove",  # a sink of loguru
    "run_repeating": "schedule_removal",
    "run_daily": "schedule_removal",
}
# What runs once, or only as long as the thing is there.
ONCE: Final = frozenset({"once", "date", "run_date"})

# Objects by which a framework leads to what is there for all.
LEADING: Final = frozenset("bot app application client scheduler dispatcher dp loop job_queue".split())

# Decorators of libraries by which they take a function to call it from then on.
DECORATING: Final = {"listen": "remove_listener", "on": "remove_listener", "listens_for": "remove", "subscribe": "unsubscribe"}

# What decorators of these do is done around each call of the function, and keeps nothing of it: `@LATENCY.time()`.
AROUND_CALLS: Final = frozenset("prometheus_client opentelemetry tenacity backoff stamina slowapi limits ratelimit".split())
# Those that are told first, to what they listen.
OF_SUBJECTS: Final = frozenset({"listens_for"})

# The same of agents and servers, for what a function is for from then on.
FITTING_OUT: Final = frozenset("instructions system_prompt tool tool_plain add_tool output_validator".split())
AGENTS: Final = frozenset("pydantic_ai fastmcp mcp agno".split())

# Functions of the program that tell one another the object.
FURTHEST: Final = 3


class Handover(NamedTuple):
    """A call or a decorator gives a library something of one request, and nothing takes it back."""

    scope: FunctionSymbol
    line: int
    column: int
    what: str
    back: str


def given_for_ever(analysis: Analysis) -> Iterator[Handover]:
    """Each call by which something that is made for one request or connection is given to a library for the whole process."""
    serving = analysis.once(Serving)
    for scope, _, call in analysis.calls_of(*TAKING_BACK, *LISTENING):
        if call.callee[0] != "attribute" or not call.arguments or scope not in serving or not serving.surely(scope):
            continue
        name = call.callee[2]
        own = _is_listening(analysis, scope, call) if name in LISTENING else _is_given(analysis, scope, call)
        if own and analysis.once(EachTime).leads(scope, call.line):
            what = f"{last_name(call.callee[1]) or '…'}.{name}(…)"
            yield Handover(scope, call.line, call.column, what, (LISTENING | TAKING_BACK)[name])
    yield from _registered(analysis)
    for scope in analysis.scopes:
        around = scope.parent
        for each in scope.facts.decorators if around is not None and around in serving else ():
            name = each.callee[2] if each.callee[0] == "attribute" else ""
            if not name or around is None or not _is_of_no_use_here(scope, around, name):
                continue
            if maker(each.callee[1], around, analysis.program) in AROUND_CALLS:
                continue
            subject = each.arguments[0] if name in OF_SUBJECTS and each.arguments else each.callee[1]
            if answers_each(analysis, around) and (
                _is_for_all(analysis, subject, around)
                or (name in OF_SUBJECTS and _is_kind(analysis, each.callee[1], subject, around))
            ):
                what = f"{last_name(each.callee[1]) or '…'}.{name}(…)"
                yield Handover(around, each.line, 0, what, DECORATING.get(name, ""))


def _registered(analysis: Analysis) -> Iterator[Handover]:
    """What a decorator does, written as a call: `app.action("approve")(approve)`, `agent.instructions(lambda: wish)`."""
    serving = analysis.once(Serving)
    for scope in analysis.scopes:
        for call in scope.facts.calls if scope in serving else ():
            made = scope.facts.calls[call.callee[1]] if call.callee[0] == "call" else call
            if call.where != ("statement",) or made.callee[0] != "attribute" or len(call.given) != 1:
                continue
            name, receiver = made.callee[2], made.callee[1]
            if made is call and (name not in FITTING_OUT or maker(receiver, scope, analysis.program) not in AGENTS):
                continue
            if not _holds_some(call.given[0], scope) or not analysis.once(OutOfHand).holds(call.given[0], scope):
                continue
            if not answers_each(analysis, scope) or not _is_for_all(analysis, receiver, scope):
                continue
            if analysis.once(EachTime).leads(scope, call.line):
                told = "…" if made.given else ""
                what = f"{last_name(receiver) or '…'}.{name}({told})" + ("" if made is call else "(…)")
                yield Handover(scope, call.line, call.column, what, DECORATING.get(name, ""))


def _holds_some(given: Expression, scope: FunctionSymbol) -> bool:
    """A function that is made here, with something in it that is of this call."""
    made = made_here(given, scope)
    if made is None:
        return False
    return any(name in scope.bound and name not in made.bound and name != "self" for name in made.facts.loads)


def _is_of_no_use_here(function: FunctionSymbol, around: FunctionSymbol, name: str) -> bool:
    """It is decorated and named no more: whoever has decorated it calls it. It is another one each time, with what it holds."""
    if name in DECORATING:
        return ("name", function.name) not in [given for call in around.facts.calls for given in call.given]
    within = {each for child in around.children for each in child.facts.loads}
    holds = any(each in around.bound and each not in function.bound for each in function.facts.loads)
    return holds and function.name not in around.facts.loads and function.name not in within


def _is_given(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """To a signal, a logger or `atexit`, for as long as they are there."""
    back = TAKING_BACK[call.callee[2]]
    if not _is_kept_for_all(analysis, scope, call):
        return False
    handler = call.arguments[0]
    if call.callee[2] == "addHandler":
        if _is_taken_back(scope, back, call.callee[1]):
            return False
        return analysis.once(Origins).of(handler, scope, call.line) is not None or _is_made_of_parameter(analysis, call, scope)
    if scope.name == "__init__" and scope.owner is not None and handler[0] == "attribute" and handler[1] == SELF:
        # Each object that is made for somebody gives its own method away.
        made = analysis.once(Singletons).made_while_served(scope.owner) is not None
        return made and _is_made_anew(handler, scope) and not _is_taken_back(scope, back)
    # Below an entry point, an object may be one for all, and have seen to it that this is done once.
    entry = analysis.reach.entries.get(scope)
    if (entry is None or not entry.serves) and not _is_hook(analysis, scope, handler, back):
        return False
    if any(each[0] == "name" and is_made_here(each[1], scope) for each in call.arguments[1:]):
        return True  # `atexit.register(shutil.rmtree, folder)`
    return analysis.once(OutOfHand).holds(handler, scope) or (_is_made_anew(handler, scope) and not _is_taken_back(scope, back))


def _is_hook(analysis: Analysis, scope: FunctionSymbol, handler: Expression, back: str) -> bool:
    """A method of an object that a framework makes for each connection gives another of it away, each time a new one."""
    if handler[0] != "attribute" or handler[1] != SELF or scope.owner is None or not is_of_connection(analysis, scope):
        return False
    above = {method for kind in analysis.program.order(scope.owner)[0] for found in kind.methods.values() for method in found}
    return not any(
        last_name(call.callee) == back for each in above if each.module is not scope.module for call in each.facts.calls
    )


def _is_listening(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """Something of a library that is there for all is told to call a function that nobody else can name."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library:
            return False  # what a class of the program keeps, is seen there
    if not answers_each(analysis, scope):
        return False
    if call.callee[2] == "add" and maker(call.callee[1], scope, analysis.program) != "loguru":
        return False
    dropped = call.where in (("statement",), ("await", ("statement",)))
    if not dropped or not any(analysis.once(OutOfHand).holds(each, scope) for each in call.given):
        return False
    told = {name for name, _ in call.keywords} | {each[1] for each in call.given if each[0] == "string"}
    if ONCE & told or (call.callee[2] == "add_job" and not {"interval", "cron"} & told):
        return False
    under_test = any(each.what == "if" and each.line <= call.line <= each.end_line for each in scope.facts.blocks)
    of_kind = call.callee[2] == "listen" and _is_kind(analysis, call.callee[1], call.given[0], scope)
    return not under_test and (of_kind or any(_is_for_all(analysis, each, scope) for each in (call.callee[1], *call.given)))


def _is_kind(analysis: Analysis, event: Expression, subject: Expression, scope: FunctionSymbol) -> bool:
    """`event.listens_for(Session, "after_commit")`: whoever listens to a class, hears of all of its objects."""
    if analysis.program.evaluate(event, scope) != External("sqlalchemy.event"):
        return False
    match analysis.program.evaluate(subject, scope):
        case ClassSymbol():
            return True
        case External(dotted=dotted):
            return dotted.rpartition(".")[2][:1].isupper()
    return False


def _is_for_all(analysis: Analysis, receiver: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
    """An object of a library that a module has made, that an object has been given, or that a framework leads to.

    A function that is told the object is told one for all by who calls it: `offer_budget(planner, budget)`.
    """
    match receiver:
        case ("name", str(name)) if name in scope.parameters and name not in scope.assigned and depth:
            return any(_is_for_all(analysis, *each, depth - 1) for each in _told(analysis, scope, name))
        case ("name", str(name)):
            match analysis.program.lookup(name, scope):
                case VariableSymbol(scope=at) if at.facts.sort == TOP and not at.module.library:
                    return maker(receiver, scope, analysis.program) is not None
            return False
        case ("attribute", inner, str(name)) if inner == SELF and scope.owner is not None:
            given = [pair for kind in analysis.program.order(scope.owner)[0] for pair in kind.set_on_self.get(name, ())]
            outer = bool(given) and all(
                method.name == "__init__" and each.value[0] == "name" and each.value[1] in method.parameters
                for method, each in given
            )
            return outer and analysis.once(Singletons).made_while_served(scope.owner) is None
        case ("attribute", ("name", str(name)), str(attribute)):
            leading = attribute in LEADING and name in scope.parameters
            return leading and not is_made_on_the_way(receiver, scope, analysis)
    return False


def _told(analysis: Analysis, function: FunctionSymbol, name: str) -> Iterator[tuple[Expression, FunctionSymbol]]:
    """What those who are served tell a function of the program for a parameter."""
    serving = analysis.once(Serving)
    for caller, index in analysis.program.calls_named.get(function.name, ()):
        if caller not in serving:
            continue
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=called, bound=bound) if called is function:
                given = dict(pairs(call, function, 1 if bound and function.owner is not None else 0)).get(name)
                if given is not None:
                    yield given, caller


def _is_kept_for_all(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """A signal of Django or blinker that holds on to its receiver, `atexit`, or a logger that has a name of the program."""
    receiver = call.callee[1]
    match call.callee[2]:
        case "connect":
            return dict(call.keywords).get("weak") == ("constant", "bool", False)
        case "register":
            return analysis.program.evaluate(receiver, scope) == External("atexit")
    made, where = receiver, scope
    if receiver[0] == "name":
        match analysis.program.lookup(receiver[1], scope):
            case VariableSymbol(scope=at, name=name) if len(at.assigned.get(name, ())) == 1:
                made, where = at.assigned[name][0].value, at
    if made[0] != "call" or last_name(where.facts.calls[made[1]].callee) != "getLogger":
        return False
    return all(each[0] == "string" or each == ("name", "__name__") for each in where.facts.calls[made[1]].arguments)


def _is_made_anew(handler: Expression, scope: FunctionSymbol) -> bool:
    """A method of the object that answers, or a function that is made here."""
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    match handler:
        case ("lambda", _):
            return True
        case ("name", str(name)):
            return name in functions
        case ("attribute", inner, str(name)):
            return inner == SELF and scope.owner is not None and name in scope.owner.methods
    return False


def _is_made_of_parameter(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    """`FileHandler(LOGS / f"run-{run_id}.log")` that every call of the function makes anew, and adds whatever there is."""
    handler = call.arguments[0]
    if handler[0] != "name" or not is_made_here(handler[1], scope) or not answers_each(analysis, scope):
        return False
    if any(each.what == "if" and each.line <= call.line <= each.end_line for each in scope.facts.blocks):
        return False
    if any(each.what == "if" and each.end_line < call.line and _ends(each, scope) for each in scope.facts.blocks):
        return False  # `if log.handlers: return`
    made = scope.facts.calls[scope.assigned[handler[1]][0].value[1]]
    # `handler = StreamHandler()`, `handler.addFilter(OfRequest(request_id))`
    told = [each for one in scope.facts.calls if one.callee[:2] == ("attribute", handler) for each in one.given]
    named = (part for each in (*made.given, *told) for part in parts(each, scope) if part[0] == "name")
    return any(part[1] in scope.parameters for part in named)


def _ends(block: Block, scope: FunctionSymbol) -> bool:
    ends = [each.line for each in scope.facts.returned] + [line for what, line in scope.facts.jumps if what == "return"]
    return any(block.line <= line <= block.end_line for line in ends)


def _is_taken_back(scope: FunctionSymbol, back: str, receiver: Expression | None = None) -> bool:
    """Something in the same file takes back what was given, or empties the list of handlers; of another variable, nothing."""
    other = receiver if receiver is not None and receiver[0] == "name" and receiver[1] not in scope.bound else None
    for each in scope.module.functions:
        for call in each.facts.calls:
            if last_name(call.callee) != back:
                continue
            of = call.callee[1] if call.callee[0] == "attribute" and call.callee[1][0] == "name" else None
            if other is None or of is None or of == other or of[1] in each.bound:
                return True
        if back == "removeHandler" and any("handlers" in str(one.target) for one in each.facts.assignments):
            return True
    return False


def made_here(given: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
    """The function that a lambda is, or a name of one that is defined within the scope."""
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    match given:
        case ("lambda", int(index)):
            return scope.module.function(index)
        case ("name", str(name)) if name in functions:
            return scope.module.function(functions[name][0])
    return None
