"""Whose id something has to be, and whose it is: a person's, or that of something nobody signs in as.

What a parameter, a column, a field or a local name is called tells what is wanted; what is put there tells what it is by its
own name: `user_id`, `member.id`, `body["channel_id"]`, `conf(config, "thread_id")`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, CallSite, Expression, last_name
from netra.guard.immutable import immutable
from netra.guard.meaning.expressions import within
from netra.guard.meaning.makers import maker
from netra.guard.program import Program
from netra.guard.requests.deferred import LETTING, made_later
from netra.guard.requests.passing import pairs
from netra.guard.requests.transports import OF_MCP
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

PERSON: Final = "user"
# By these, one who signs in is called, with and without `_id`.
PERSONS: Final = frozenset("user owner member author uid userid".split())
# Nobody is one of these, and nobody's id is one of theirs.
NOBODY: Final = frozenset("thread message run document request interaction trace correlation invocation job".split())
# What a chat is made of. A channel may be somebody's own, so that it takes more to tell one for the other.
PARTS: Final = frozenset("guild channel room team workspace tenant chat organization org".split())
BARE: Final = PERSONS | {"guild", "team", "workspace", "tenant", "thread"}

# Who has something may as well be an organization, a run or a row of any table, and a member that of a team.
OF_SOMETHING: Final = frozenset("owner member author".split())

# What those who ask may be called besides.
SENDING: Final = frozenset("from_user sender from".split())
# What a kind may be called with in front of it.
MORE: Final = ("", "current_", "effective_", "effective_current_")
# Kinds of which it is known what their ids are ids of. The last two are known where a tool is handed them with its context.
KNOWN: Final = frozenset(
    f"{more}{kind}" for more in MORE for kind in PERSONS | SENDING | NOBODY | PARTS | {"client", "session"}
)
KNOWN_IDS: Final = frozenset(f"{kind}_id" for kind in KNOWN)

# Names of whatever it is: another function calls something else so, a row of another table, say.
OF_ANYTHING: Final = frozenset(
    """row r record rec item it obj object data entry entity result res found each one this that value val doc first
    existing instance model payload body response resp""".split()
)

# What an object calls its own id.
OF_ITSELF: Final = frozenset({"id", "pk", "uid"})

# What an attribute is called that is an id, and what a text may stand in that says one.
ENDS_OF_IDS: Final = KNOWN_IDS | OF_ITSELF
SPOKEN: Final = frozenset({"string", "subscript"})

# What a parameter is annotated with that gets an id.
PLAIN: Final = frozenset("str int UUID".split())

# What is set or asked for in a statement of SQL, in the order of what is passed for it.
PLACED: Final = re.compile(r"(?:(\w+)\s*(?:=|!=|<>)\s*)?(\?|%s|\$\d+)")
INSERTED: Final = re.compile(r"insert\s+(?:or\s+\w+\s+)?into\s+\S+?\s*\(([^)]*)\)\s*values\s*\(([^)]*)\)", re.IGNORECASE)
EXECUTING: Final = frozenset("execute fetch fetchrow fetchval fetchone fetchall fetch_one fetch_all".split())

# Two names for one thing.
SAME: Final = ({"chat", "channel"}, {"chat", "room"}, {"channel", "room"}, {"org", "organization"}, {"team", "workspace"})

ASKING_FOR_KINDS: Final = (("name", "isinstance"), ("name", "type"), ("name", "hasattr"))

# What is passed on by them goes to some other function, or into a statement.
PASSING: Final = EXECUTING | LETTING

Called = Callable[[Analysis, CallSite, FunctionSymbol], tuple[FunctionSymbol | None, int]]


@immutable
class Put:
    """Something is put where the id of something is wanted."""

    scope: FunctionSymbol
    name: str
    given: Expression
    line: int
    column: int
    end_line: int
    named: bool
    """The name stands beside it in the code, so that it may be meant."""
    into: FunctionSymbol | None = None
    local: bool = False
    """It is a local name, or an attribute that is set."""
    beside: frozenset[str] = frozenset()
    """Under which names something else is put there with it."""


def put(analysis: Analysis, scope: FunctionSymbol, called: Called) -> Iterator[Put]:
    """What a function puts where an id is wanted: into parameters and columns, fields, local names and comparisons."""
    if not _speaks_of_ids(scope):
        return  # so it is with most functions there are
    wanting = analysis.program.once(_wanting)
    for index, call in enumerate(scope.facts.calls):
        if call.callee[-1] not in wanting and not _may_want(call):
            continue  # so it is with nearly every call there is
        given = [each for each in call.given if identifier(each, scope) in KNOWN_IDS]
        given += [each for _, each in _entries(call.given, scope)]
        if call.callee[-1] in EXECUTING:
            for name, each in columns(call):
                if identifier(each, scope) in KNOWN_IDS:
                    yield Put(scope, name, each, call.line, call.column, call.end_line, named=False)
        if not given:
            continue
        function, shift = called(analysis, call, scope)
        if function is None and (late := _called_later(analysis, scope, index, call)) is not None:
            function, shift, call = late
        filled = call.keywords if function is None else tuple(pairs(call, function, shift))
        beside = frozenset([*dict(filled), *_keys(call.given)])
        for name, each in (*filled, *_entries(call.given, scope)):
            if function is not None and name not in function.parameters:
                yield Put(scope, name, each, call.line, call.column, call.end_line, named=True, beside=beside)
            elif each in given and (function is None or _is_plain(function, name)):
                named = (name, each) in call.keywords
                yield Put(scope, name, each, call.line, call.column, call.end_line, named, function, beside=beside)
    for one in scope.facts.assignments:
        if one.how in ("=", "annotated"):
            target = (last_name(one.target) or "") if one.target[0] in ("name", "attribute") else ""
            if target.removesuffix("_id") in PERSONS and identifier(one.value, scope) in KNOWN_IDS:
                yield Put(scope, target, one.value, one.line, one.column, one.line, named=True, local=True)
    for test, line in _tests(scope):
        for part in within(test, scope) if test[0] in ("compare", "choice", "not") else ():
            if part[0] == "compare" and len(part[1]) == 2 and part[2][0] in ("Eq", "NotEq"):
                for one_side, other in (part[1], part[1][::-1]):
                    field = (last_name(one_side) or "") if one_side[0] == "attribute" else ""
                    if field.endswith("_id") and identifier(other, scope) in KNOWN_IDS:
                        yield Put(scope, field, other, line, 0, line, named=False)


def _wanting(program: Program) -> frozenset[str]:
    """The names of functions, and of classes, that want an id of which it is known whose it is."""
    found: set[str] = set()
    for scope in program.scopes:
        for each in scope.facts.parameters:
            if wanted(each.name) is not None:
                found.add(scope.name)
                if scope.owner is not None and scope.name == "__init__":
                    found.update(kind.name for kind in (scope.owner, *program.subclasses.get(scope.owner, ())))
    imports = (each for scope in program.scopes for each in scope.facts.imports if each.bound != each.name)
    return frozenset(found.union([each.bound for each in imports if each.name in found]))


def _may_want(call: CallSite) -> bool:
    """What is given by name, in a dictionary or to a statement may be an id, and so may what is passed on for later."""
    if call.callee[-1] in PASSING or "dict" in [each[0] for each in call.arguments]:
        return True
    return bool(call.keywords) and any(each[0] == "dict" or wanted(name) is not None for name, each in call.keywords)


def _speaks_of_ids(scope: FunctionSymbol) -> bool:
    """Some name, attribute or text of the function is that of an id of which it is known whose it is."""
    facts = scope.facts
    if not KNOWN_IDS.isdisjoint(facts.loads):
        return True
    for read in facts.reads:
        if read.expression[2] in ENDS_OF_IDS and _names_id(read.expression):
            return True
    for call in facts.calls:
        for each in call.arguments:
            if each[0] in SPOKEN and _says_id(each):
                return True
        for _, each in call.keywords:
            if each[0] in SPOKEN and _says_id(each):
                return True
    return any(_says_id(one.value) for one in facts.assignments if one.value[0] in SPOKEN)


def _names_id(read: Expression) -> bool:
    """`event.user_id`, `user.id`, and either with more behind it."""
    return read[2] in KNOWN_IDS or (read[2] in OF_ITSELF and last_name(read[1]) in KNOWN)


def _says_id(value: Expression) -> bool:
    """`"user_id"`, `body["user_id"]`."""
    text = value[2] if value[0] == "subscript" else value
    return text[0] == "string" and text[1] in KNOWN_IDS


def _entries(given: Iterable[Expression], scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
    """The entries of dictionaries: `insert_one({"user_id": user.id})`."""
    for each in given:
        if each[0] == "dict":
            for key, value in each[1]:
                if key[0] == "string" and key[1].endswith("_id") and identifier(value, scope) in KNOWN_IDS:
                    yield key[1], value


def _keys(given: Iterable[Expression]) -> Iterator[str]:
    """The names of all entries of dictionaries."""
    yield from (key[1] for each in given if each[0] == "dict" for key, _ in each[1] if key[0] == "string")


def _called_later(
    analysis: Analysis, scope: FunctionSymbol, index: int, call: CallSite
) -> tuple[FunctionSymbol, int, CallSite] | None:
    """`mail.delay(user_id)`, `tasks.add_task(mail, user_id)`: a function with what it will be given."""
    for _, made in made_later(scope, index, call):
        match analysis.receivers.value(made.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                return function, int(bound and function.owner is not None), made
    return None


def _tests(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    yield from ((test, block.head) for block in scope.facts.blocks if block.what == "if" for test in block.expressions)
    yield from ((each, call.line) for call in scope.facts.calls for each in call.arguments if each[0] == "compare")
    yield from ((each.value, each.line) for each in scope.facts.returned if each.value[0] in ("compare", "choice"))


def _is_plain(function: FunctionSymbol, name: str) -> bool:
    """A parameter gets an id rather than the object that has it."""
    said = function.facts.parameters[function.parameters[name]].annotation
    while said is not None and said[0] in ("operator", "subscript"):
        said = said[2] if said[0] == "operator" else said[1]
    return name.endswith("_id") or said is None or last_name(said) in PLAIN


def columns(call: CallSite) -> Iterator[tuple[str, Expression]]:
    """The columns of a statement, each with what is passed for it: `where user_id = ?`."""
    if len(call.arguments) < 2 or call.arguments[0][0] != "string":
        return
    text, given = call.arguments[0][1], call.arguments[1:]
    if len(given) == 1 and given[0][0] in ("tuple", "list"):
        given = given[0][1]
    if (inserted := INSERTED.search(text)) is not None:
        names = [each.strip() for each in inserted[1].split(",")]
        places = [each.strip() for each in inserted[2].split(",")]
        if len(names) != len(places):
            return
        columns = [(name, place) for name, place in zip(names, places, strict=True) if PLACED.fullmatch(place)]
    else:
        columns = [(found[1] or "", found[2]) for found in PLACED.finditer(text)]
    if len({place for _, place in columns}) > 1 and len(columns) != len({place for _, place in columns}):
        return
    if len(columns) == len(given):
        yield from ((name, each) for (name, _), each in zip(columns, given, strict=True) if name)


def wanted(name: str) -> str | None:
    """The kind of thing whose id is wanted under a name."""
    kind = name.removesuffix("_id")
    if kind in PERSONS:
        return PERSON
    return kind if (kind in BARE or (kind != name and kind in NOBODY)) else None


def identifier(expression: Expression, scope: FunctionSymbol) -> str | None:
    """`channel_id` of the name, of `event.channel_id`, `channel.id`, `body["channel_id"]` and `conf(config, "channel_id")`."""
    match expression:
        case ("subscript", _, ("string", str(name))):
            pass
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[-1] in ("str", "int") and len(call.arguments) == 1:
                return identifier(call.arguments[0], scope)
            texts = [each[1] for each in call.arguments if each[0] == "string"]
            if len(texts) != 1 or call.keywords or len(call.arguments) > 2:
                return None
            name = texts[0]
        case ("attribute", inner, str(itself)) if itself in OF_ITSELF:
            return None if last_name(inner) is None else f"{last_name(inner)}_id"
        case ("name", str(name)) if not name.endswith("_id"):
            made = scope.assigned.get(name, ()) if name not in scope.parameters else ()
            meant = made[0].value if len(made) == 1 and made[0].how in ("=", "annotated") else OTHER
            return identifier(meant, scope) if meant[0] != "name" else None
        case ("name" | "attribute", *_):
            name = last_name(expression) or ""
        case _:
            return None
    return name if name.endswith("_id") else None


def given_kind(analysis: Analysis, each: Put) -> str | None:
    """The kind of thing whose id is put there."""
    kind = (identifier(each.given, each.scope) or "").removesuffix("_id")
    kind = kind.removeprefix("effective_").removeprefix("current_")
    if kind in OF_SOMETHING and each.given[0] == "attribute" and is_of_several_kinds(each.given[1], each.scope):
        return None  # `isinstance(member, Team)`: it is no person here
    if kind in PERSONS | SENDING:
        return PERSON
    if kind in ("client", "session") and each.given[0] == "attribute" and each.given[1][0] == "name":
        # The context of a tool: the program of the client, and its connection.
        return "request" if maker(each.given[1], each.scope, analysis.program) in OF_MCP else None
    return kind if kind in NOBODY | PARTS else None


def is_of_several_kinds(thing: Expression, scope: FunctionSymbol) -> bool:
    """The function asks of which class the thing is: `isinstance(entity, Chat)`, `match entity:`."""
    asked = (call for call in scope.facts.calls if call.callee in ASKING_FOR_KINDS)
    cases = (block for block in scope.facts.blocks if block.what == "case")
    return any(thing in call.arguments[:1] for call in asked) or any(thing in block.expressions for block in cases)


def is_strange(analysis: Analysis, each: Put) -> tuple[str, str, str] | None:
    """What is wanted and what is put there, where the one is never the other; and "had" where the right one is at hand,
    "firm" where it takes no other witness.
    """
    right, got = wanted(each.name), given_kind(analysis, each)
    if right is None or got is None or right == got or {right, got} in SAME:
        return None
    parts = (part for part in within(each.given, each.scope) if part != each.given)
    said = {word for part in parts for word in (last_name(part) or "").split("_")}
    if right in said or (right == PERSON and PERSONS & said):
        return None
    if PERSON not in {right, got} and not {right, got} <= PARTS | {"interaction", "message"}:
        return None
    if _is_at_hand(each, right):
        return right, got, "had"
    firm = (right == PERSON and got in NOBODY and not each.named) or _is_beside(analysis, each, right)
    return right, got, "firm" if firm else ""


def place(each: Put) -> tuple[str, str]:
    """Where the same is wanted: parameters of one name in one class or function, columns, and local names of one file.

    An owner need not be a person: only what is called so as well tells what it is.
    """
    said = each.name if each.name.removesuffix("_id") in OF_SOMETHING else wanted(each.name) or each.name
    if each.into is None:
        return each.scope.module.path if each.local and said == each.name else "", said
    owner = each.into.owner
    return (each.into if owner is None else owner).full_name, said


def is_of_anything(each: Put) -> bool:
    """What stands beside it tells of what it is: `owner_type="run", owner_id=run.id`."""
    kind = each.name.removesuffix("_id")
    return not each.beside.isdisjoint({f"{kind}_type", f"{kind}_kind", f"{kind}_class", f"{kind}_table", f"{kind}_model"})


def is_chosen(each: Put) -> bool:
    """Whoever wrote it calls one thing by the name of another: `user_id = chat_id`, or on one of several ways only."""
    if not each.local or each.scope.facts.sort in ("top", "body"):
        return False
    several = [one for one in each.scope.facts.assignments if last_name(one.target) == each.name and one.value[0] != "none"]
    return each.given[0] == "name" or len(several) > 1


def _is_at_hand(each: Put, right: str) -> bool:
    """The right id stands in the same function: `user_id`, or the `member` that it was given."""
    names = {f"{one}_id" for one in (PERSONS if right == PERSON else {right})}
    target = each.name if each.into is None and each.named else ""
    having = names - {target} | (PERSONS | {"current_user"} if right == PERSON else {right}) - {each.name}
    if having & {*each.scope.parameters}:
        return True
    return each.name in each.scope.parameters and each.into is not None and each.name in BARE


def _is_beside(analysis: Analysis, each: Put, right: str) -> bool:
    """What it is taken out of has the right one as well, as another place of the program shows: `body["user_id"]`."""
    names = {f"{one}_id" for one in (PERSONS if right == PERSON else {right})}
    return not names.isdisjoint(analysis.program.once(_beside).get(_source(each.given, each.scope), ()))


def _source(expression: Expression, scope: FunctionSymbol) -> str:
    """What an id is taken out of, as it is called."""
    match expression:
        case ("attribute", inner, "id"):
            return last_name(inner) or ""
        case ("attribute" | "subscript", inner, _):
            return last_name(inner) or (str(inner[2]) if inner[0] == "subscript" else "")
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[-1] in ("str", "int") and len(call.arguments) == 1:
                return _source(call.arguments[0], scope)
            if call.callee[0] == "attribute" and call.callee[2] == "get":
                inner = call.callee[1]
                return last_name(inner) or (str(inner[2]) if inner[0] == "subscript" else "")
            return f"{last_name(call.callee)}()"
    return ""


def _beside(program: Program) -> dict[str, set[str]]:
    """The ids that are read out of things, by how those are called."""
    found: dict[str, set[str]] = {}
    for scope in program.scopes:
        if scope.module.in_tests:
            continue
        read = [each.expression for each in scope.facts.reads]
        read += [part for call in scope.facts.calls for given in call.given for part in within(given, scope)]
        read += [part for one in scope.facts.assignments for part in within(one.value, scope)]
        for each in read:
            if (name := identifier(each, scope)) is not None and (source := _source(each, scope)):
                found.setdefault(source, set()).add(name)
    return found
