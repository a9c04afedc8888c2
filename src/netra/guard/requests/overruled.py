"""Where what the client says overrules who is signed in, in whatever way a program finds out who that is."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import BODY, NOTHING, TOP, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.askers import RIGHTS, SIGNED_IN, is_of_rights, is_of_router_for_some, speaks_of_rights
from netra.guard.requests.at_hand import AtHand
from netra.guard.requests.called import Called, named_within
from netra.guard.requests.claim_checks import ClaimChecks
from netra.guard.requests.claims import IGNORED, SAME, is_about_people, only_narrows
from netra.guard.requests.for_programs import ForPrograms
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.passing import pairs
from netra.guard.requests.sent import ASKING, FILLED, HEARD_BY, SAID, Sent
from netra.guard.requests.serving import Serving
from netra.guard.requests.whole_bodies import WholeBodies
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# As whom somebody acts, or whose something is.
WHOSE: Final = re.compile(
    r"(?:(?:current|from|acting|auth|for|as)_)?(?:user|actor|owner|author|sender|payer|creator)(?:_?(?:id|uid|uuid))?"
    r"|uid|username|user_name|on_behalf_of|(?:created|submitted|requested)_by|acting_as"
)
# Who does something, and is never somebody else.
DOING: Final = re.compile(
    r"(?:author|sender|payer|creator|actor|voter|reviewer|bidder|buyer|poster|submitter|commenter|requester|uploader|from_user"
    r"|from_account)(?:_?(?:id|uid|uuid))?|(?:created|submitted)_by"
)
# Who says it is nobody else, as the client says itself.
ONESELF: Final = re.compile(r"me|myself|my_(?:id|uid|user_?id|name)|self_id|current_user(?:_?id)?|caller(?:_?id)?|who_?am_?i")
# And what is somebody's own, where a route finds out who is asking and has no use for that.
OWN: Final = re.compile(
    r"(?:account|customer|member|player|tenant|person|employee|patient|voter|reviewer|profile)(?:_?(?:id|uid|uuid))?"
)
# And those whose something is together.
TOGETHER: Final = re.compile(r"(?:org|organi[sz]ation|company|workspace|group|team|household|family)(?:_?(?:id|uid|uuid))?")
# Who may be named on a thing by a text, without anybody being asked for it.
BY_NAME: Final = re.compile(r"author|creator|owner|sender|payer|actor|(?:created|submitted|requested)_by")
# Where nobody is signed in yet.
SIGNING_IN: Final = re.compile(r"log_?in|sign_?in|sign_?up|regist|password|token|oauth|callback|webhook|internal|session")
# What everybody may see of somebody else.
PUBLIC: Final = re.compile(r"public|profile|avatar|card|follow|search|display")
# What is a number of things, and nobody.
COUNTED: Final = ("_count", "_total", "_number")

# What somebody is called or reached by, and may choose.
ABOUT_THEM: Final = frozenset("email login username name".split())
FIRST: Final = "first"


class Overruled(NamedTuple):
    """The client's word stands where who is signed in should."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    claim: str
    what: str
    """What acts for that user."""
    why: tuple[Step, ...]


class _Seeking:
    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._sent = analysis.once(Sent)
        self._identities = analysis.once(SignedIn)
        self._called = analysis.once(Called)
        self._checks = analysis.once(ClaimChecks)
        self._of_whom: dict[str, bool] = {}

    def found(self) -> Iterator[Overruled]:
        entries = self._analysis.reach.entries
        for scope in self._analysis.scopes:
            if scope.facts.sort in (TOP, BODY) or scope.module.in_tests or scope not in self._serving:
                continue
            entry = entries.get(scope)
            if entry is None and HEARD_BY.isdisjoint(scope.facts.loads):
                continue
            first = next(self._first(scope), None) or next(self._put_in_place(scope), None)
            if first is not None:
                yield first
                continue
            if entry is not None and (
                entry.sort in (ROUTE, SOCKET) or (entry.sort == LISTENER and entry.label.startswith((*FILLED, *SAID)))
            ):
                yield from self._instead(scope, entry.label)

    def _is_whose(self, name: str) -> bool:
        """A word for somebody: one that all programs have, or by which this one calls who is signed in."""
        if name not in self._of_whom:
            self._of_whom[name] = _is_whose(name) or self._called.is_one(name)
        return self._of_whom[name]

    # --- goes before who is signed in ------------------------------------------------------------------------------------

    def _first(self, scope: FunctionSymbol) -> Iterator[Overruled]:
        """`request.args.get("uid") or get_jwt_identity()`, `request.query.get("user", user)`."""
        for part, line, column in _chosen(scope):
            claim, known = self._choice(part, scope)
            if claim is None or known is None or self._is_public(part, scope) or self._is_told_as_well(part, scope):
                continue
            if not self._stands_for_somebody(claim, part, scope):
                continue  # `request_data or session`: what came along before, and nobody
            # Whom the client names is asked what that one may, and not who is signed in.
            named = [
                each.target[1]
                for each in scope.facts.assignments
                if each.target[0] == "name" and part in within(each.value, scope)
            ]
            # What is only handed on where it is chosen, nothing of the function asks about.
            alone = not named and self._mentions(claim, scope) == 1
            if speaks_of_rights(scope, named, refuses_else=alone) or any(
                self._checks.is_settled(("name", each), scope) for each in named
            ):
                continue
            if (way := self._way(scope)) is not None:
                yield Overruled(scope, line, column, line, claim, FIRST, (known, *way))

    @staticmethod
    def _mentions(claim: str, scope: FunctionSymbol) -> int:
        """How often a function reads what the client says by this name."""
        read = sum(bool(each.expression[2] == claim) for each in scope.facts.reads)
        return read + sum(("string", claim) in call.arguments for call in scope.facts.calls) + scope.facts.loads.count(claim)

    def _stands_for_somebody(self, claim: str, part: Expression, scope: FunctionSymbol) -> bool:
        """What the client says is called somebody, or the program calls so what it makes of it, or whom it gives it to."""
        targets = (each.target for each in scope.facts.assignments if each.value == part)
        named = [claim, *(last_name(each) or "" for each in targets)]
        named += [name for call in scope.facts.calls for name, value in call.keywords if value == part]
        return any(self._is_whose(each) or TOGETHER.fullmatch(each) is not None for each in named)

    def _put_in_place(self, scope: FunctionSymbol) -> Iterator[Overruled]:
        """`owner = me`, and `if body.owner: owner = body.owner`, or `if "owner" in query: owner = query["owner"]`."""
        for each in scope.facts.assignments:
            if each.how != "=" or each.target[0] != "name" or (claim := self._sent.name(each.value, scope)) is None:
                continue
            above = [one for one in scope.assigned.get(each.target[1], ()) if one.line < each.line]
            about = bool(above) and above[-1].value[0] == "attribute" and above[-1].value[2] in ABOUT_THEM
            known = self._identities.of(above[-1].value, scope) if above and not about else None
            tests = [block for block in scope.facts.blocks if block.what == "if" and block.line <= each.line <= block.end_line]
            asked = any(
                part == each.value or _is_there(part, each.value, scope)
                for block in tests
                for test in block.expressions
                for part in within(test, scope)
            )
            if known is not None and asked and not speaks_of_rights(scope) and not self._checks.is_settled(each.target, scope):
                yield Overruled(scope, each.line, each.column, each.line, claim, FIRST, (known, *(self._way(scope) or ())))

    def _choice(self, part: Expression, scope: FunctionSymbol) -> tuple[str | None, Step | None]:
        match part:
            case ("choice", (claim, *_, known)):
                pass
            case ("call", int(index)):
                match scope.facts.calls[index]:
                    case CallSite(callee=("attribute", _, str(way)), arguments=(_, known)) if way == "get" or way in ASKING:
                        claim = part
                    case _:
                        return None, None
            case _:
                return None, None
        name = self._sent.name(claim, scope)
        if name is None or (known[0] == "attribute" and known[2] in ABOUT_THEM):
            return None, None
        return name, self._identities.of(known, scope)

    def _is_told_as_well(self, part: Expression, scope: FunctionSymbol) -> bool:
        """`create(owner=body.owner or me.id, actor=me)`: what is called knows who asks, and not only the id; it may refuse."""
        calls = [call for call in scope.facts.calls if part in call.given]
        return bool(calls) and all(self._hears(call, scope) for call in calls)

    def _hears(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """It is given who asks, and looks at that as far as its code is known."""
        given = [each for each in call.given if each[0] == "name" and self._identities.of(each, scope) is not None]
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not (function.module.library or function.facts.abstract):
                taken = pairs(call, function, 1 if bound and function.owner is not None else 0)
                return any(value in given and name in function.facts.loads for name, value in taken)
        return bool(given)

    def _way(self, scope: FunctionSymbol) -> tuple[Step, ...] | None:
        """Somebody who calls it makes no difference between those who may choose and those who may not."""
        if scope in self._analysis.reach.entries:
            return ()
        sites = self._analysis.program.calls_named.get(scope.name, ())
        for caller, index in sites:
            if caller in self._serving and not speaks_of_rights(caller):
                line = caller.facts.calls[index].line
                return (Step(caller.module.path, line, f"`{caller.facts.qualified}` acts for whomever it gives"),)
        return () if not sites else None

    @staticmethod
    def _is_public(part: Expression, scope: FunctionSymbol) -> bool:
        """It only chooses whose public things are shown: `people.public(wanted)`."""
        names = {each.target for each in scope.facts.assignments if part == each.value and each.how == "="}
        calls = [call for call in scope.facts.calls if any(each == part or each in names for each in call.given)]
        return any(PUBLIC.search(written(call.callee, scope).lower()) for call in calls)

    # --- stands where who is signed in should ----------------------------------------------------------------------------

    def _instead(self, scope: FunctionSymbol, label: str) -> Iterator[Overruled]:
        """A route finds out who it is and drops that, or others tell the same function who is signed in."""
        for taken in self._analysis.once(WholeBodies).taken(scope):
            if not speaks_of_rights(scope):
                call, what = taken.call, f"{written(taken.call.callee, scope)}(…)"
                yield Overruled(scope, call.line, call.column, call.end_line, taken.field, what, (taken.why,))
                return
        claims = [*self._claims(scope)]
        shown = label.startswith("GET") and PUBLIC.search(label.lower())
        if not claims or shown or "admin" in label.lower() or speaks_of_rights(scope) or is_of_router_for_some(scope):
            return
        if any(is_of_rights(self._analysis, scope, each) for each in scope.parameters) or any(
            _is_of_some(function, call) for function, call, _ in self._let_by(scope)
        ):
            return
        if self._analysis.once(ForPrograms).reach(scope):
            return
        dropped = self._dropped(scope)
        if dropped is None and self._looks(scope):
            yield from self._done_by(scope, label)
            return
        known: Step | None = dropped
        theirs: tuple[re.Pattern[str], ...] = (WHOSE, OWN)
        if dropped is None and self._analysis.once(_Told).anybody and not SIGNING_IN.search(label.lower()):
            known, theirs = self._analysis.once(AtHand).of(scope), (WHOSE,)
        for call, place, given, name in claims:
            in_path = self._sent.in_path(given, scope) is not None
            meant = any(each.fullmatch(name) for each in theirs) or self._called.is_one(name)
            if BY_NAME.fullmatch(name) and self._checks.is_named_by_default(given, scope) and not self._called.is_one(name):
                continue  # the author of a plug-in is a text that stands on it
            who = known is not None and not in_path and meant
            if who and known is not None and not is_about_people(written(call.callee, scope)):
                why: tuple[Step, ...] = (known,)
            elif (told := self._told_elsewhere(call, place, scope, same=in_path)) is not None:
                why = (told,)
            else:
                continue
            if PUBLIC.search(written(call.callee, scope).lower()):
                continue
            if self._checks.only_looks(call, scope) or self._checks.may_be_left_out(call, given, scope):
                continue
            if self._checks.is_settled(given, scope):
                continue
            comes = Step(scope.module.path, scope.facts.line, f"`{name}` comes in with {label}, from the client")
            yield Overruled(
                scope, call.line, call.column, call.end_line, name, f"{written(call.callee, scope)}(…)", (comes, *why)
            )
            return

    def _claims(self, scope: FunctionSymbol) -> Iterator[tuple[CallSite, int | str, Expression, str]]:
        """What calls are told of what the client says, by a name of somebody, with the place and the name."""
        for call in scope.facts.calls:
            callee = last_name(call.callee) or ""
            for place, given in call.placed if callee not in IGNORED | SAME else ():
                if only_narrows(call, given, scope):
                    continue
                # What is made of it may look for that user; a row on which it stands belongs to that user.
                if callee[:1].isupper() and not (isinstance(place, str) and self._is_whose(place)):
                    continue
                if given[0] == "name" and given[1] in scope.parameters and not self._is_whose(given[1]):
                    continue
                name = self._sent.name(given, scope) or self._sent.in_path(given, scope)
                # `take(body.employee)`, which is told by `actor` who does it.
                by = self._takes(call, given, scope)[1] if name is not None and given[0] != "name" else ""
                meant = name is not None and (self._is_whose(name) or DOING.fullmatch(by))
                if name is not None and meant and not _may_be_left_out(given, name, scope):
                    yield call, place, given, name
            for column, given in (each for one in call.given for each in named_within(one)) if callee not in IGNORED else ():
                name = (
                    self._sent.name(given, scope) if self._is_whose(column) and not only_narrows(call, given, scope) else None
                )
                if name is not None and self._is_whose(name) and not _may_be_left_out(given, name, scope):
                    yield call, column, given, name

    def _done_by(self, scope: FunctionSymbol, label: str) -> Iterator[Overruled]:
        """A route knows who does it, and says that somebody else has: `post(author=body.author, text=body.text)`."""
        for call in scope.facts.calls:
            if any(self._identities.within(each, scope) is not None for each in call.given):
                continue
            match self._analysis.receivers.value(call.callee, scope):
                case Routine(function=function, bound=bound):
                    given = dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                case _:
                    given = dict(call.keywords)
            for place, value in given.items():
                name = self._sent.name(value, scope)
                if name is not None and not DOING.fullmatch(place) and not ONESELF.fullmatch(name):
                    continue
                if name is not None and not self._checks.is_settled(value, scope):
                    comes = Step(scope.module.path, scope.facts.line, f"`{name}` comes in with {label}, from the client")
                    what = f"{written(call.callee, scope)}(…)"
                    yield Overruled(scope, call.line, call.column, call.end_line, name, what, (comes,))
                    return

    def _dropped(self, scope: FunctionSymbol) -> Step | None:
        """`await verified_user(request)` as a statement; and a parameter with who is signed in that nothing reads."""
        for index, call in enumerate(scope.facts.calls):
            alone = call.where in (("statement",), ("await", ("statement",)))
            if alone and self._identities.of(("call", index), scope) is not None:
                note = f"`{written(call.callee, scope)}` tells who is signed in, and is not asked"
                return Step(scope.module.path, call.line, note)
        if (let_in := self._let_in(scope)) is not None and not self._looks(scope):
            return let_in
        for name, given in scope.assigned.items():
            if (
                given[0].how == "="
                and not name.endswith(COUNTED)
                and self._identities.of(("name", name), scope) is not None
                and self._is_only_tested(name, scope)
            ):
                return Step(scope.module.path, given[0].line, f"who is signed in is `{name}`, and is not asked")
        around = scope.parent
        loads = {*scope.facts.loads, *(name for each in scope.children for name in each.facts.loads)}
        for parameter in scope.facts.parameters if around is not None else ():
            if parameter.name in loads:
                continue
            if self._identities.of(("name", parameter.name), scope) is not None:
                if is_of_rights(self._analysis, scope, parameter.name):
                    return None
                note = f"who is signed in is `{parameter.name}`, and is not asked"
                return Step(scope.module.path, parameter.line, note)
        return None

    def _let_in(self, scope: FunctionSymbol) -> Step | None:
        """`@router.get("/wallet", dependencies=[Depends(user_id)])`: it is found out who it is, and the route is not told."""
        for function, _, line in self._let_by(scope):
            if self._identities.proves(function):
                return Step(scope.module.path, line, f"`{function.name}` tells who is signed in, and is not asked")
        return None

    def _let_by(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, CallSite, int]]:
        """The functions on which a route depends without being told what they give: each with its call, and the line."""
        around = scope.parent
        for decorator in scope.facts.decorators if around is not None else ():
            told = dict(decorator.keywords).get("dependencies")
            for each in told[1] if told is not None and told[0] in ("list", "tuple") else ():
                call = around.facts.calls[each[1]] if around is not None and each[0] == "call" else None
                if call is None or last_name(call.callee) not in ("Depends", "Security") or not call.arguments:
                    continue
                match self._analysis.receivers.value(call.arguments[0], around or scope):
                    case Routine(function=function) if not function.module.library:
                        yield function, call, decorator.line

    @staticmethod
    def _is_only_tested(name: str, scope: FunctionSymbol) -> bool:
        """`if user is None: return`, and no more."""
        if any(name in each.facts.loads for each in scope.children):
            return False
        return all(each.where[0] in ("truth", "compare") for each in scope.facts.uses if each.name == name)

    def _looks(self, scope: FunctionSymbol) -> bool:
        """It makes use of who is signed in."""
        read = [each.expression for each in scope.facts.reads]
        read += [part for call in scope.facts.calls for part in (call.callee, *call.given)]
        read += [each.value for each in scope.facts.assignments] + [each.value for each in scope.facts.returned]
        return any(self._identities.within(each, scope) is not None for each in read)

    def _told_elsewhere(self, call: CallSite, place: int | str, scope: FunctionSymbol, *, same: bool) -> Step | None:
        """Another route tells this function, or another of its class or module, who is signed in by this parameter."""
        given = call.arguments[place] if isinstance(place, int) else dict(call.keywords).get(place)
        function, taking = self._takes(call, given, scope) if given is not None else (None, "")
        if function is None or not taking or is_about_people(function.facts.qualified):
            return None
        if same and is_about_people(written(call.callee, scope)):
            return None  # `users.update(user_id, …)`, where the method is one of all stores
        if not self._is_whose(taking):
            return None
        others = self._analysis.once(_Told).by(function, taking)
        return next((step for who, what, step in others if who is not scope and (what is function or not same)), None)

    def _takes(self, call: CallSite, given: Expression, scope: FunctionSymbol) -> tuple[FunctionSymbol | None, str]:
        """The function of the program that is called, and the parameter by which it is told something."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                shift = 1 if bound and function.owner is not None else 0
                return function, next((name for name, value in pairs(call, function, shift) if value == given), "")
        return None, ""


class _Told:
    """Answers which functions entry points tell who is signed in."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)

    @lazily
    def anybody(self) -> bool:
        """Some entry point tells some function."""
        entries = self._analysis.reach.entries.items()
        served = (scope for scope, entry in entries if entry.serves and not scope.module.in_tests)
        given = ((scope, each) for scope in served for call in scope.facts.calls for each in call.given)
        return any(self._identities.of(each, scope) is not None for scope, each in given)

    def by(self, function: FunctionSymbol, name: str) -> Iterator[tuple[FunctionSymbol, FunctionSymbol, Step]]:
        """The entry points that tell a function, or another beside it, by a parameter of a name: who, what, where."""
        owner, around = function.owner, function.parent
        beside = around.children if around is not None and around.facts.sort == TOP else (function,)
        methods = (each[0] for each in owner.methods.values()) if owner is not None else beside
        for each in (one for one in methods if name in one.parameters):
            for scope, index in self._analysis.program.calls_named.get(each.name, ()):
                entry = self._analysis.reach.entries.get(scope)
                if entry is None or not entry.serves or scope.module.in_tests:
                    continue
                call = scope.facts.calls[index]
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=called, bound=bound) if called is each:
                        given = dict(pairs(call, called, 1 if bound and owner is not None else 0)).get(name)
                        if given is not None and self._identities.of(given, scope) is not None:
                            note = f"{entry.label} tells who is signed in by `{name}`"
                            yield scope, called, Step(scope.module.path, call.line, note)


def overruled(analysis: Analysis) -> Iterator[Overruled]:
    """Every place at which the client's word stands where who is signed in should."""
    return _Seeking(analysis).found()


def _is_whose(name: str) -> bool:
    return any(each.fullmatch(name) for each in (WHOSE, OWN, DOING, ONESELF))


def _is_there(test: Expression, value: Expression, scope: FunctionSymbol) -> bool:
    """`"owner" in query`, where the value is `query["owner"]`, as it is or as a number."""
    match test:
        case ("compare", (("string", _) as key, source), ("In",)):
            return ("subscript", source, key) in within(value, scope)
    return False


def _is_of_some(function: FunctionSymbol, call: CallSite) -> bool:
    """The dependency lets only some through: `Depends(get_administrator)`, `Security(user, scopes=["staff"])`."""
    if "scopes" in dict(call.keywords):
        return True
    return not SIGNED_IN.fullmatch(function.name) and any(word in function.facts.qualified.lower() for word in RIGHTS)


def _may_be_left_out(given: Expression, name: str, scope: FunctionSymbol) -> bool:
    """`author: str | None = None` of a list: whose things are looked for, and not who is looking."""
    if not DOING.fullmatch(name) or given[0] != "name" or given[1] not in scope.parameters:
        return False
    default = scope.facts.parameters[scope.parameters[given[1]]].default
    if default is not None and default[0] == "call" and scope.parent is not None:
        default = next(iter(scope.parent.facts.calls[default[1]].arguments), None)
    return default == NOTHING


def _chosen(scope: FunctionSymbol) -> Iterator[tuple[Expression, int, int]]:
    """Where one of several is taken: `one or other`, and `place.get(key, other)`."""
    taken = [(each.value, each.line, each.column) for each in scope.facts.assignments]
    taken += [(each.value, each.line, each.column) for each in scope.facts.returned]
    yield from (each for each in taken if each[0][0] == "choice")
    for index, call in enumerate(scope.facts.calls):
        if len(call.arguments) == 2 and call.callee[0] == "attribute" and (call.callee[2] == "get" or call.callee[2] in ASKING):
            yield ("call", index), call.line, call.column
        for given in call.given:
            if given[0] == "choice":
                yield given, call.line, call.column
