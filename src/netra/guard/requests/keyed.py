"""What is looked for under a key, made where it is not there, and kept under it for the next who asks: in whatever place.

A dictionary, a cache or store by its `get` and `set`, a file that is there or not. Whose the value is, the calls that make it
say, which are given who is asking; whether the key says so too, only what stands in the key can tell.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.program import imported_packages
from netra.guard.requests.apart import OF_ONE, is_new_each_time
from netra.guard.requests.identities import CREDENTIALS, SignedIn, parts
from netra.guard.requests.kept_by_key import KeptByKey, PlacesByKey
from netra.guard.requests.keys import SHARED_BY_MANY, is_found_by_the_key, leaves
from netra.guard.requests.memos import Memos
from netra.guard.requests.only_checked import is_only_let_in
from netra.guard.requests.origins import FILLING, Origins
from netra.guard.requests.serving import RUNNERS, WHOM
from netra.guard.requests.shared_rows import is_of_several
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.singletons import Singletons
from netra.guard.requests.storing import Storing
from netra.guard.requests.told_each_time import is_told_each_time
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol
from netra.guard.values import Instance, Routine, Step

# What makes something new for all, which somebody has begun: a room, a game.
OPENING: Final = re.compile(
    r"_?(?:[A-Z]|a?(?:open|new|start|spawn|launch|begin|reserve|book|host|init|allocate|assign|deal)(?:_|$)|join_)"
    r"|(?:.*_)?a?(?:create|insert|add|register|upsert)(?:_|$)"
)

# The number of a thing that many have, which whoever likes may ask for; those of sessions and runs nobody guesses.
OF_THING: Final = re.compile(
    r"^(?!.*(?:session|thread|run|request|conversation|chat|task|job|upload|hash|token|key))(?:.*_)?(?:id|pk|number)$"
)

# By these a local name gets what it is made of.
GIVING: Final = frozenset({"=", "annotated", "for", "for async", "with", "with async"})
# What is sent along with a call, and makes no other answer of it.
ALONG: Final = frozenset("headers cookies auth extra extra_headers metadata tags config callbacks".split())
# Objects that are signed in for whoever they are made for.
SIGNED_IN: Final = ("Client", "Session", "Connection", "Provider", "Transport", "Api", "API", "Gateway", "SDK")

# What tells one thing from another, whoever asks for it.
IDS: Final = frozenset("id pk slug code".split())

# How agents and chains are run.
RUNNING: Final = frozenset("invoke ainvoke stream astream astream_events".split())
# What an agent's memory of a conversation is kept under.
CONVERSATIONS: Final = frozenset("thread_id session_id conversation_id".split())
CONFIGURABLE: Final = ("string", "configurable")
LANGGRAPH: Final = "langgraph"


class Keyed:
    """Answers what is kept for one user under a key of all; use `analysis.once(Keyed)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)
        self._places = PlacesByKey(self._sharing)
        self._identities = analysis.once(SignedIn)
        self._origins = analysis.once(Origins)

    def for_everybody(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """What is kept, whose it is, and where that is found out."""
        for scope in self._sharing.served:
            for kept in self._places.all_of(scope):
                whose = self.whose(kept.value, scope, kept.line)
                if whose is not None and not self.tells(kept.key, scope):
                    if not is_found_by_the_key(whose[0], kept.key, scope):
                        yield kept, *whose
                elif whose is not None and (line := self._given_unasked(kept, scope)):
                    step = Step(scope.module.path, line, f"`{kept.name}` is asked here, before anybody asks whose it is")
                    yield kept._replace(step=step), *whose
        served = frozenset(self._sharing.served)
        serves = any(each.serves for each in self._analysis.reach.entries.values())
        for scope in self._analysis.scopes:
            if serves and scope.owner is not None and scope not in served and not scope.module.in_tests:
                yield from self._for_the_class(scope)
        yield from self._conversations()
        yield from self._by_memo()
        yield from self._by_method()

    def _by_memo(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """`await cache.remember(key, lambda: rows_of(user))`."""
        for each in self._analysis.once(Memos).calls():
            scope, call, memo = each.scope, each.call, each.memo
            whose = self.whose(each.maker, scope, call.line)
            if whose is not None and not self.tells(each.key, scope) and not self._says_more(memo.under, memo.function):
                name = written(memo.place, memo.function)
                yield KeptByKey(scope, call.line, call.column, call.end_line, name, each.key, each.maker, memo.step), *whose

    def _by_method(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """`await links.get(client, file_of(user, name), name)`, which signs a link where it has none of that name."""
        storing = self._analysis.once(Storing)
        for write, keeping in storing.told:
            if write.how != "item" or write.key is None or not storing.looks(keeping):
                continue
            if is_told_each_time(write) or is_only_let_in(self._analysis, write):
                continue
            whose = self.whose(write.value, write.scope, write.line)
            if whose is None or self.tells(write.key, write.scope) or self._says_more(keeping.under, keeping.function):
                continue
            place = (write.scope, write.line, write.column, write.end_line)
            yield KeptByKey(*place, write.slot.name, write.key, write.value, write.slot.step), *whose

    def _says_more(self, key: Expression, function: FunctionSymbol) -> bool:
        """The function itself puts into the key who is asking, besides what it is told."""
        rest = (part for part in leaves(key, function) if part[0] != "name" or part[1] not in function.parameters)
        return any(self.tells(part, function) for part in rest if part[0] != "other")

    def _for_the_class(self, scope: FunctionSymbol) -> Iterator[tuple[KeptByKey, str, Step]]:
        """What a method keeps for its class, made of what each object has of its own: whoever calls it, has several."""
        for kept in self._places.entries(scope):
            whose = self._of_objects(kept.value, scope)
            if whose is not None and not self.tells(kept.key, scope):
                yield kept, *whose

    def _of_objects(self, value: Expression, scope: FunctionSymbol) -> tuple[str, Step] | None:
        calls = (scope.facts.calls[each[1]] for each in parts(value, scope) if each[0] == "call")
        own = (self._of_object(call, scope) for call in calls if call.callee[:2] == ("attribute", ("name", "self")))
        return next(filter(None, own), None)

    # --- conversations ----------------------------------------------------------------------------------------------------

    def _conversations(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """`{"thread_id": f"project-{project}"}` in a function that is told who it is, and makes no use of that.

        So it is where it makes use of it elsewhere, and the memory is that of a thing that nobody owns: `f"{lesson.id}"`.
        """
        yield from self._named_otherwise()
        named = self._analysis.program.calls_named
        running = {scope for name in RUNNING for scope, _ in named.get(name, ())}
        for scope in self._sharing.served:
            told = [each.name for each in scope.facts.parameters if each.name not in ("self", "cls")]
            unused = not all(_is_used(each, scope) for each in told)
            for name, value, line, column, end_line in _named(scope) if unused or (told and scope in running) else ():
                if not _parameters(value, scope) or self.tells(value, scope):
                    continue
                for each in told:
                    if _is_used(each, scope) and not self._is_nobodys(value, each, scope):
                        continue
                    if (step := self.somebody(("name", each), scope)) is not None:
                        known = Step(scope.module.path, line, f"`{name}` is the same for all who say the same")
                        yield KeptByKey(scope, line, column, end_line, name, value, value, known), each, step
                        break

    def _named_otherwise(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """`{"thread_id": thread}`, where another function of the program has `{"thread_id": f"{user.id}:{thread}"}`.

        There the name that the client gives is one of that user's alone; here it is what anybody may say.
        """
        if LANGGRAPH not in self._analysis.program.once(imported_packages):
            return
        found = [(scope, *each) for scope in self._sharing.served for each in _for_runs(scope)]
        apart: dict[str, Step] = {}
        for scope, _, value, line, *_ in found:
            parts = leaves(value, scope)
            named = [part[1] for part in parts if part[0] == "name" and part[1] in scope.parameters]
            whose = next((part for part in parts if self._is_whose(part, scope)), None)
            if whose is None:
                continue
            for each in named:
                if each != whose[1] and ("name", each) != whose and (whose[0] == "name" or whose[1] != ("name", each)):
                    note = f"here it is of `{written(whose, scope)}` alone"
                    apart.setdefault(each, Step(scope.module.path, line, note))
        for scope, name, value, line, column, end_line in found if apart else ():
            if value[0] != "name" or value[1] not in apart or value[1] not in scope.parameters or scope.assigned.get(value[1]):
                continue
            told = next((part for part in self._read(scope) if self._is_whose(part, scope)), None)
            if told is not None:
                known = apart[value[1]]
                yield KeptByKey(scope, line, column, end_line, name, value, value, known), written(told, scope), known

    def _is_whose(self, part: Expression, scope: FunctionSymbol) -> bool:
        """`user_id`, `who.user_id`, or who is asking."""
        if part[0] not in ("name", "attribute") or (part[0] == "name" and part[1] not in scope.parameters):
            return False
        return last_name(part) in WHOM or self.somebody(part, scope) is not None

    @staticmethod
    def _read(scope: FunctionSymbol) -> Iterator[Expression]:
        """What a function is told, and what it reads of that."""
        yield from (("name", each) for each in scope.parameters)
        yield from (each.expression for each in scope.facts.reads if each.expression[0] == "attribute")

    def _is_nobodys(self, key: Expression, who: str, scope: FunctionSymbol) -> bool:
        """All that the key has is the id of an object of whose class is known that it has no owner."""
        parts = leaves(key, scope)
        owners = [part[1] for part in parts if part[0] == "attribute" and part[2] in IDS]
        if not owners or any(part not in owners and (part[0] != "attribute" or part[1] not in owners) for part in parts):
            return False
        return all(self._has_no_owner(each, who, scope) for each in owners)

    def _has_no_owner(self, thing: Expression, who: str, scope: FunctionSymbol) -> bool:
        match self._analysis.receivers.value(thing, scope):
            case Instance(kind=kind) if not kind.module.library:
                order = [each for each in self._analysis.program.order(kind)[0] if not each.module.library]
                fields = {name.lower() for each in order for name in each.body.assigned}
                words = {word for name in fields for word in name.split("_")}
                return bool(fields) and words.isdisjoint(OWNING | {who.lower()})
        return False

    # --- whose it is ------------------------------------------------------------------------------------------------------

    def whose(self, value: Expression, scope: FunctionSymbol, line: int) -> tuple[str, Step] | None:
        """Who the calls are told that make a value, or whose object they are asked of."""
        seen: set[Expression] = set()
        if (function := _made_here(value, scope)) is not None:
            told = (self.whose(each.value, function, each.line) for each in function.facts.returned)
            own = next(filter(None, told), None)
            if own is not None or value[0] == "lambda":
                return own
        waiting = [value]
        while waiting:
            for part in _made_of(waiting.pop(), scope):
                if part[0] == "name" and part not in seen and part[1] not in scope.parameters:
                    seen.add(part)
                    made = scope.assigned.get(part[1], ())
                    waiting += [each.value for each in made if each.line <= line and each.how in GIVING]
                    if not made and (closed := self._closed_over(part[1], scope)) is not None:
                        return closed
                if part[0] != "call":
                    continue
                call = scope.facts.calls[part[1]]
                for given in _signing_in(call, scope):
                    if (found := self.somebody(given, scope)) is not None:
                        return written(given, scope), found
                if self.opens(call, scope):
                    continue
                for given in _told(call):
                    if (found := self.somebody(given, scope)) is not None:
                        return written(given, scope), found
                own = call.callee[0] == "attribute" and call.callee[1] == ("name", "self")
                if own and (kept := self._of_object(call, scope)) is not None:
                    return kept
        return None

    def _given_unasked(self, kept: KeptByKey, scope: FunctionSymbol) -> int:
        """The line on which it is looked for by an id that a client asks for; 0 where it is asked whose that is.

        The id that a client asks for is all of the key: whose it is, is asked where it is loaded, and not where it is found.

        `if number in done: return done[number]`, and then `where(Report.id == number, Report.owner == user)`.
        """
        parts = leaves(kept.key, scope, lambda part: self._identities.of(part, scope) is not None)
        if not parts or not all(
            part[0] == "name" and OF_THING.search(part[1]) and part[1] in scope.parameters for part in parts
        ):
            return 0
        origins = [self._origins.of(part, scope) for part in parts]
        if any(each is None or each.personal for each in origins) or any(self.somebody(part, scope) for part in parts):
            return 0
        looked = min((line for line, each in _lookings(scope) if kept.place in within(each, scope)), default=0)
        told = [(call.line, given) for call in scope.facts.calls for given in _told(call)]
        whose = [(line, given) for line, given in told if self._identities.of(given, scope) is not None]
        tested = [part for block in scope.facts.blocks for test in block.expressions for part in within(test, scope)]
        tested += [part for each, _ in scope.facts.asserts for part in within(each, scope)]
        sides = [side for part in tested if part[0] == "compare" for side in part[1]]
        if not whose or any(line <= looked for line, _ in whose):
            return 0
        return 0 if any(self._identities.of(side, scope) is not None for side in sides) else looked

    def _closed_over(self, name: str, scope: FunctionSymbol) -> tuple[str, Step] | None:
        """A function within this one, which is kept with whoever is asking now: `tools = {"read_mail": read_mail}`."""
        for child in (each for each in scope.children if each.name == name):
            for read in dict.fromkeys(child.facts.loads):
                if read not in scope.bound or read in child.bound or read in ("self", "cls"):
                    continue
                if (found := self._identities.of(("name", read), scope)) is not None:
                    return read, found
        return None

    def opens(self, call: CallSite, scope: FunctionSymbol, depth: int = 2) -> bool:
        """It makes something new, which is there for all from now on, by its name or by what it does: `insert into …`."""
        called = [call.callee]
        if call.callee[0] == "call":
            called += scope.facts.calls[call.callee[1]].given  # `await sync_to_async(Table.objects.create)(host)`
        if last_name(call.callee) in RUNNERS:
            called += call.arguments
        if any(OPENING.match(last_name(each) or "") for each in called) or any(
            each[0] == "string" and each[1].lstrip()[:6].lower() == "insert" for each in call.arguments[:1]
        ):
            return True
        match self._analysis.receivers.value(call.callee, scope) if depth else None:
            case Routine(function=function) if not function.module.library:
                inner = (each for each in function.facts.calls if not (last_name(each.callee) or "")[:1].isupper())
                return any(self.opens(each, function, depth - 1) for each in inner)
        return False

    def _is_of_several(self, part: Expression, scope: FunctionSymbol) -> bool:
        return is_of_several(self._analysis, part, scope)

    def somebody(self, expression: Expression, scope: FunctionSymbol) -> Step | None:
        """Who is asking, or whom the function is told by a name that says so."""
        if expression[0] == "name" and expression[1] in scope.parameters and expression[1] in WHOM:
            line = scope.facts.parameters[scope.parameters[expression[1]]].line
            return Step(scope.module.path, line, f"`{scope.facts.qualified}` is told whose work it does by `{expression[1]}`")
        return self._identities.of(expression, scope)

    def _of_object(self, call: CallSite, scope: FunctionSymbol) -> tuple[str, Step] | None:
        """`self.compute(period)` reads `self.tenant`, and each object has its own."""
        owner = scope.owner
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if owner is not None and function.owner is not None:
                below = self._analysis.program.subclasses.get(owner, ())
                methods = [function, *(each for kind in below for each in kind.methods.get(function.name, ()))]
                for method in methods:
                    for name in attributes_read(method):
                        if (step := self.own_of(owner, name)) is not None:
                            return f"self.{name}", step
        return None

    def own_of(self, owner: ClassSymbol, name: str) -> Step | None:
        """An attribute that objects are given when they are made, with who is asking, or called so."""
        if self._analysis.once(Singletons).made(owner) is not None:
            return None
        for kind in self._analysis.program.order(owner)[0]:
            for method, each in kind.set_on_self.get(name, ()):
                if method.name != "__init__" or each.value[0] != "name" or each.value[1] not in method.parameters:
                    continue
                if name in OWNING or self._identities.of(each.value, method) is not None:
                    return Step(method.module.path, each.line, f"each `{kind.name}` has a `self.{name}` of its own")
        return None

    # --- what the key says ------------------------------------------------------------------------------------------------

    def tells(self, key: Expression, scope: FunctionSymbol) -> bool:
        """The key may tell one user from another: it holds one, something of one, or an id that may be only theirs."""
        if is_new_each_time(key, scope):
            return True
        for part in leaves(key, scope, lambda part: self.somebody(part, scope) is not None or self._is_of_several(part, scope)):
            if (part[0] == "attribute" and part[2] in SHARED_BY_MANY) or self._is_of_several(part, scope):
                continue  # `person.size`, and the `id` of a room that has several members
            if part[0] == "other" or self.somebody(part, scope) is not None:
                return True
            if part[0] in ("name", "attribute"):
                if isinstance(self._analysis.program.evaluate(part, scope), External | ModuleSymbol):
                    continue  # `hashlib` is no hash of anybody
                words = (last_name(part) or "").lower()
                if any(word in words for word in OF_ONE) or words in OWNING:
                    return True
                origin = self._origins.of(part, scope)
                if origin is not None and origin.personal:
                    return True
        return False


OWNING: Final = WHOM | frozenset(
    "uid tenant owner owner_id customer customer_id member member_id account org organization".split()
)


def _named(scope: FunctionSymbol) -> Iterator[tuple[str, Expression, int, int, int]]:
    """What is said under the names by which memories of conversations are told apart, with line, column and last line."""
    values: list[tuple[Expression, int, int, int]] = []
    for call in scope.facts.calls:
        place = (call.line, call.column, call.end_line)
        yield from ((name, value, *place) for name, value in call.keywords if name in CONVERSATIONS)
        # What is put into a list tells of conversations, and begins none.
        if call.callee[0] != "attribute" or call.callee[2] not in FILLING:
            values += [(each, *place) for each in call.given]
    values += [(each.value, each.line, each.column, each.line) for each in scope.facts.assignments]
    for expression, line, column, end_line in values:
        for part in within(expression, scope):
            for key, value in part[1] if part[0] == "dict" else ():
                if key[0] == "string" and key[1] in CONVERSATIONS and not _is_read_of(key, value, scope):
                    yield key[1], value, line, column, end_line


def _for_runs(scope: FunctionSymbol) -> Iterator[tuple[str, Expression, int, int, int]]:
    """What a run of a graph is told of its conversation: `{"configurable": {"thread_id": thread}}`."""
    made = [(each, call.line, call.column, call.end_line) for call in scope.facts.calls for each in call.given]
    made += [(each.value, each.line, each.column, each.line) for each in scope.facts.assignments]
    made += [(each.value, each.line, each.column, each.line) for each in scope.facts.returned]
    for whole, *place in made:
        for key, value in whole[1] if whole[0] == "dict" else ():
            for name, told in value[1] if key == CONFIGURABLE and value[0] == "dict" else ():
                if name[0] == "string" and name[1] in CONVERSATIONS:
                    yield name[1], told, *place


def _is_read_of(key: Expression, value: Expression, scope: FunctionSymbol) -> bool:
    """`{"thread_id": row["thread_id"]}`: the one that it has already."""
    match value:
        case ("subscript", _, asked):
            return bool(asked == key)
        case ("attribute", _, str(name)):
            return bool(name == key[1])
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return call.callee[0] == "attribute" and call.callee[2] == "get" and call.arguments[:1] == (key,)
    return False


def _lookings(scope: FunctionSymbol) -> Iterator[tuple[int, Expression]]:
    """Where a function may look at a place: in its tests, calls and returns, each with its line."""
    yield from ((block.head, each) for block in scope.facts.blocks for each in block.expressions)
    yield from ((call.line, call.callee) for call in scope.facts.calls)
    yield from ((each.line, each.value) for each in scope.facts.returned)


def _made_of(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What a value is made of; of what a call is told by name, only the value itself, and not the headers it is sent with."""
    aside = {given for part in within(value, scope) if part[0] == "call" for _, given in scope.facts.calls[part[1]].keywords}
    yield from (part for part in within(value, scope) if part[0] != "name" or part not in aside)


def _told(call: CallSite) -> Iterator[Expression]:
    """What a call is told, also in a comparison or a dictionary: `find({"owner": user.id})`, `where(Loan.reader == user)`."""
    waiting = [*call.arguments, *(value for name, value in call.keywords if name not in ALONG)]
    for each in waiting:
        yield each
        match each:
            case ("compare", parts, ("Eq",)) | ("tuple" | "list" | "formatted", parts):
                waiting += parts
            case ("dict", pairs):
                waiting += [value for _, value in pairs]


def _signing_in(call: CallSite, scope: FunctionSymbol) -> Iterator[Expression]:
    """What an object is signed in with for whom it is made: `AsyncClient(url, headers={"Authorization": f"token {token}"})`."""
    if (last_name(call.callee) or "").endswith(SIGNED_IN):
        parts = (part for given in call.given for part in within(given, scope))
        yield from (part for part in parts if part[0] == "name" and part[1].lower().endswith(CREDENTIALS))


def _made_here(value: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
    """The function that a value is, where it is made on the spot: a lambda, or one within this function."""
    if value[0] == "lambda":
        return scope.module.function(value[1])
    inner = (each for each in scope.children if value[0] == "name" and each.name == value[1])
    return next(inner, None)


def _is_used(name: str, scope: FunctionSymbol) -> bool:
    return name in scope.facts.loads or any(name in each.facts.loads for each in scope.children)


def _parameters(value: Expression, scope: FunctionSymbol) -> bool:
    return any(each[0] == "name" and each[1] in scope.parameters for each in leaves(value, scope))


def attributes_read(method: FunctionSymbol) -> list[str]:
    """The attributes of its object that a method reads."""
    return list(dict.fromkeys(each.name[5:] for each in method.facts.uses if each.name.startswith("self.")))
