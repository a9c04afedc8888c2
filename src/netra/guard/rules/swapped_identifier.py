"""S106."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NAMED, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.models import fields
from netra.guard.requests.foreign_ids import foreign_ids
from netra.guard.requests.id_types import of_another_type
from netra.guard.requests.id_uses import IdUses
from netra.guard.requests.identifiers import OF_SOMETHING, given_kind, is_chosen, is_of_anything, is_strange, place, put, wanted
from netra.guard.requests.mixed_ids import MixedId, among_arguments, into_columns, under_other_keys
from netra.guard.requests.passing import pairs
from netra.guard.requests.related import Relations, called
from netra.guard.requests.related_ids import by_other_keys, in_place_of_another
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

# Kinds of things whose ids are never one another's. A session or a conversation may well be a thread, and a
# file the document that is made of it.
KINDS: Final = frozenset("user thread message run document project organization tenant agent tool team workspace".split())
# One who signs in, and what nobody signs in as: here it takes no other witness. An agent, a team or a tenant may be a user.
OF_WHOM: Final = "user"
# How the id of a user is called in short.
SHORT: Final = frozenset({"uid", "userid"})
THINGS: Final = frozenset("thread message run document".split())
# What stands on a row that belongs to somebody: it is a thing, and nobody signs in as it.
OWNED_BY: Final = re.compile(r"(?:user|owner|author|creator)_id$|[a-z]+ed_by(?:_id)?$")

# What is passed on as it is, or by its id under the same name: by position, two of these may change places as well.
PARTIES: Final = frozenset(
    "user tenant org organization organisation team workspace project account customer member thread document".split()
)

# Places in which people are, and names of somebody who is in one: no id of the one is one of the other.
PLACES: Final = frozenset("guild server channel room board chat thread team workspace project tenant organization org".split())
SOMEBODY: Final = frozenset("user member author player sender caller actor customer participant".split())

# Who may be a user, or stand for one, and belongs to one all the same.
PEOPLE: Final = frozenset(
    """user account member membership profile person people customer client contact agent bot tenant organization
    organisation org team group admin author owner session identity principal actor participant employee staff subscriber
    patient student sender""".split()
)

# What has a name at its end by which it is known: `user_id`, `request.user_id`, `frame["user_id"]`.
NAMING: Final = frozenset({"name", "attribute", "subscript"})

# A program that passes one kind for another as often as this means it: there, the two are one.
MEANT: Final = 3

# Two ends of an edge, of a move or of a change: one may go the other way round.
ENDS_OF_ONE: Final = re.compile(r"(?:source|target|src|dst|dest|destination|from|to|start|end|old|new)_")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An id is passed where one of another kind is expected."""

    scope: FunctionSymbol
    call: CallSite
    function: FunctionSymbol
    name: str
    given: Expression
    wanted: str
    got: str


@rule("S106", "swapped-identifier", hesitant=True)
def swapped_identifier(analysis: Analysis) -> Iterator[Sighting]:
    """The id of one kind of thing is passed where another's is expected.

    Both are strings, so no type checker minds. A thread's id that is taken for a user's finds nothing, or somebody else's rows.
    So does the `id` of an object where the id of another thing is wanted that the object has beside it.

    ```python
    def add(thread_id: str, user_id: str): ...


    add(user_id, thread_id)  # S106
    ```

    Reported are two ids that have changed places (but for the two ends of an edge or a move, which may go the other way round),
    an id passed where the right one is at hand in the same function, and an id of a thread, message, run or document, or of
    what the program keeps for a user, passed for a user's by position, or the other way round.

    Guard is certain of ids that have changed places, of the id of a row that is looked for by a foreign key of another table
    (`notes_of(thread.id)`, which looks for `Note.owner_id`), of an id that has a type of its own (`NewType`), of one id of an
    object that has the wanted one as well, and of the chat of a bot where all others give the user: in a group, the two are not
    the same.

    What a parameter is called is one sign, and a second one is asked for: the function looks for rows by it or hands it on as
    what it is called, or others give it such an id. It is left alone where the function takes it for what it is given, where
    that is given by name beside its own, where an owner may be anything, and where a program passes one kind for another again
    and again: there, the two are one.
    """
    told: set[tuple[FunctionSymbol, int]] = set()
    for each in _changed_places(analysis):
        told.add((each.scope, each.line))
        yield each
    for foreign in (*foreign_ids(analysis), *of_another_type(analysis)):
        call = foreign.call
        if (foreign.scope, call.line) not in told:
            told.add((foreign.scope, call.line))
            message = f"`{written(foreign.given, foreign.scope)}` is passed as `{foreign.name}`: {foreign.why}"
            mend = Mend(f"pass the `{foreign.name}`")
            yield Sighting(foreign.scope, call.line, call.column, call.end_line, message, foreign.steps, mend, CERTAIN)
    if analysis.is_asked("S106"):  # the rest is only likely, and takes long
        yield from _for_another(analysis, told)


def _changed_places(analysis: Analysis) -> Iterator[Sighting]:
    """Two ids of which each is passed for the other."""
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            if len(call.arguments) + len(call.keywords) < 2 or not _passes_ids(call) or sum(map(_names_id, call.given)) < 2:
                continue  # so it is with nearly every call there is
            if call.keywords and (exchanged := _exchanged(list(call.keywords))) is not None:
                if not _goes_both_ways(call, exchanged, scope):
                    one, other = exchanged
                    message = f"`{one}` and `{other}` have changed places: each is passed under the name of the other"
                    mend = Mend("pass each under its own name")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend, CERTAIN)
                continue
            function, shift = _called(analysis, call, scope)
            if function is None:
                yield from _into_fields(analysis, call, scope)
                continue
            filled = list(pairs(call, function, shift))
            by_position = len(filled) - sum(name in function.parameters for name, _ in call.keywords)
            if (exchanged := _exchanged(filled[:by_position])) is not None and not _goes_both_ways(call, exchanged, scope):
                one, other = exchanged
                message = f"`{one}` and `{other}` have changed places: `{function.name}` expects them the other way round"
                expects = Step(function.module.path, function.facts.line, f"`{function.name}` expects `{other}` for `{one}`")
                mend = Mend("pass them in the order of the parameters, or by name")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (expects,), mend, CERTAIN)


def _names_id(given: Expression) -> bool:
    return (_identifier(given) or _party(given) or _short(given)) is not None


def _for_another(analysis: Analysis, told: set[tuple[FunctionSymbol, int]]) -> Iterator[Sighting]:
    """One id that is passed where that of another thing is wanted, but where that was `told`."""
    apart: list[Mismatch] = []
    related: list[MixedId] = []
    owned = analysis.once(_owned)
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            if not (call.arguments or call.keywords) or not _passes_ids(call) or (scope, call.line) in told:
                continue
            function, shift = _called(analysis, call, scope)
            if function is None:
                related += _into_row(analysis, call, scope)
                for column in into_columns(analysis, scope, call):
                    told.add((scope, call.line))
                    yield _said_of(column)
                continue
            filled = list(pairs(call, function, shift))
            yield from (beside := list(_of_what_belongs_to_it(analysis, scope, call, function, filled)))
            by_position = len(filled) - sum(name in function.parameters for name, _ in call.keywords)
            if _exchanged(filled[:by_position]) is not None or _exchanged(list(call.keywords)) is not None:
                continue  # the two ends of one thing
            mixed = next(among_arguments(analysis, scope, call, function, shift), None)
            if mixed is not None:
                told.add((scope, call.line))
                yield _said_of(mixed)
                continue
            others = [] if beside else list(in_place_of_another(analysis, scope, call, function, filled))
            related += others
            if any(not each.doubtful for each in others):
                continue
            apart += _mismatches(scope, call, function, filled, owned)
    meant = Counter(frozenset({each.wanted, each.got}) for each in apart if not _is_at_hand(each))
    uses = analysis.once(IdUses)
    for each in apart:
        named = any(name == each.name and value == each.given for name, value in each.call.keywords)
        things = OF_WHOM in (each.wanted, each.got) and (THINGS | owned) & {each.wanted, each.got}
        if meant[frozenset({each.wanted, each.got})] >= MEANT or not (_is_at_hand(each) or (things and not named)):
            continue
        if not uses.takes_only(each.function, each.name, each.got, each.given, each.scope):
            continue
        said = f"`{written(each.given, each.scope)}` is passed as `{each.name}`"
        message = f"{said}: the id of a {each.got} for that of a {each.wanted}"
        expects = Step(each.function.module.path, each.function.facts.line, f"`{each.function.name}` expects `{each.name}`")
        call, mend = each.call, Mend(f"pass a `{each.wanted}_id`")
        told.add((each.scope, call.line))
        yield Sighting(each.scope, call.line, call.column, call.end_line, message, (expects,), mend, LIKELY)
    related += by_other_keys(analysis)
    often = Counter((each.name, each.why) for each in related)
    for mixed in related:
        if often[mixed.name, mixed.why] < MEANT and not mixed.doubtful:
            told.add((mixed.scope, mixed.call.line))
            yield _said_of(mixed)
    yield from map(_said_of, under_other_keys(analysis))
    yield from _put_elsewhere(analysis, told)


def _into_row(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Iterator[MixedId]:
    """`Entry(account_id=source.customer_id)`: a class of the program is made with the fields that it declares."""
    named = [(name, each) for name, each in call.keywords if name.endswith("_id")]
    if not named:
        return
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind) if not kind.module.library:
            order = analysis.program.order(kind)[0]
            own = [(name, each) for name, each in named if any(name in above.body.assigned for above in order)]
            yield from in_place_of_another(analysis, scope, call, kind, own)


def _passes_ids(call: CallSite) -> bool:
    """Something is passed that is an id by its name, or for one."""
    for each in call.arguments:
        sort = each[0]
        if sort == "name":
            if each[1].endswith("_id") or each[1] in PARTIES or each[1] in SHORT:
                return True
        elif sort in NAMING and (each[-1] in PARTIES or _identifier(each) is not None or _is_own(each)):
            return True
    for name, _ in call.keywords:  # noqa: SIM110 - a loop that every call goes through, and a generator takes thrice as long
        if name.endswith("_id"):
            return True
    return False


def _is_own(given: Expression) -> bool:
    """`me["id"]`."""
    return given[0] == "subscript" and given[2] in (("string", "id"), ("string", "pk"))


def _said_of(mixed: MixedId) -> Sighting:
    message = f"`{written(mixed.given, mixed.scope)}` is passed where a `{mixed.name}` is wanted: {mixed.why}"
    call, mend = mixed.call, Mend(f"pass the `{mixed.name}`")
    return Sighting(mixed.scope, call.line, call.column, call.end_line, message, mixed.steps, mend, LIKELY)


def _put_elsewhere(analysis: Analysis, told: set[tuple[FunctionSymbol, int]]) -> Iterator[Sighting]:
    """What is no person's stands where a person's id is wanted, under whatever name a parameter, a column or a field has."""
    every = [each for scope in analysis.scopes if not scope.module.in_tests for each in put(analysis, scope, _called)]
    right_elsewhere = {place(each) for each in every if given_kind(analysis, each) == wanted(each.name) is not None}
    found = [(each, strange) for each in every if (strange := is_strange(analysis, each)) is not None]
    meant = Counter((right, got) for _, (right, got, how) in found if how != "had")
    there = Counter((place(each), got) for each, (_, got, _) in found)
    uses = analysis.once(IdUses)
    for each, (right, got, how) in found:
        witnessed = how == "firm" or place(each) in right_elsewhere
        if (each.scope, each.line) in told or not (how == "had" or (witnessed and meant[right, got] < MEANT)):
            continue
        if is_of_anything(each) or is_chosen(each):
            continue
        if each.into is not None:
            known = how == "firm" and each.name.removesuffix("_id") not in OF_SOMETHING
            if not uses.takes_only(each.into, each.name, got, each.given, each.scope, known=known):
                continue
        elif each.name.removesuffix("_id") in OF_SOMETHING and (
            place(each) not in right_elsewhere or there[place(each), got] > 1
        ):
            continue
        told.add((each.scope, each.line))
        message = f"`{written(each.given, each.scope)}` stands for `{each.name}`: the id of a {got} for that of a {right}"
        steps = (
            ()
            if each.into is None
            else (Step(each.into.module.path, each.into.facts.line, f"`{each.into.name}` expects `{each.name}`"),)
        )
        mend = Mend(f"put the id of the {right} there")
        yield Sighting(each.scope, each.line, each.column, each.end_line, message, steps, mend, LIKELY)


def _of_what_belongs_to_it(
    analysis: Analysis, scope: FunctionSymbol, call: CallSite, function: FunctionSymbol, filled: list[tuple[str, Expression]]
) -> Iterator[Sighting]:
    """`events_of(claim.id)` where `events_of` wants an `order_id`, and the claim has one: two classes of the program."""
    for name, given in filled if _exchanged(filled) is None else ():
        if given[0] != "attribute" or given[2] != "id" or not name.endswith("_id") or ENDS_OF_ONE.match(name):
            continue
        if {name.removesuffix("_id"), last_name(given[1])} <= KINDS:
            continue  # two kinds that are known by their names
        match analysis.receivers.value(given[1], scope):
            case Instance(kind=kind) if not kind.module.library:
                pass
            case _:
                continue
        wanted, order = _class_called(name.removesuffix("_id"), analysis), analysis.program.order(kind)[0]
        if wanted is None or wanted in order or kind in analysis.program.order(wanted)[0] or not _has(order, name):
            continue
        if name.removesuffix("_id") in _said(given, scope):
            continue
        if not analysis.once(IdUses).takes_only(function, name, called(kind), given, scope):
            continue
        said = written(given, scope)
        message = f"`{said}` is passed as `{name}`: the id of a `{kind.name}`, which has a `{name}` of its own"
        expects = Step(function.module.path, function.facts.line, f"`{function.name}` expects `{name}`")
        mend = Mend(f"pass `{written(given[1], scope)}.{name}`")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (expects,), mend, LIKELY)


def _class_called(name: str, analysis: Analysis) -> ClassSymbol | None:
    """The class of the program that is called so: `LineItem` for `line_item`."""
    found = analysis.program.classes_named.get("".join(word.capitalize() for word in name.split("_")), ())
    own = [each for each in found if not each.module.library and not each.module.in_tests]
    return own[0] if own else None


def _has(order: Sequence[ClassSymbol], name: str) -> bool:
    """Its objects have the field: it is declared in the class, or set on `self`."""
    return any(name in each.body.assigned or name in each.set_on_self for each in order)


def _into_fields(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Iterator[Sighting]:
    """A dataclass takes its fields in the order in which they stand there."""
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind) if not kind.module.library and any(
            last_name(each.callee) == "dataclass" for each in kind.facts.decorators
        ):
            known = fields(kind) if not kind.facts.bases else None
            named = [each.name for each in known or () if not each.keyword_only]
            exchanged = _exchanged(list(zip(named, call.arguments, strict=False)))
            if exchanged is not None and not any(each[0] == "star" for each in call.arguments):
                one, other = exchanged
                message = f"`{one}` and `{other}` have changed places: `{kind.name}` expects them the other way round"
                step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` has `{other}` where `{one}` is passed")
                mend = Mend("pass them in the order of the fields, or by name")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend, CERTAIN)


def _called(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[FunctionSymbol | None, int]:
    """The function whose parameters a call fills, and how many of them come before what the call passes."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library:
            return function, 1 if bound and function.owner is not None else 0
        case TypeOf(kind=kind) if not kind.module.library:
            for above in analysis.program.order(kind)[0]:
                if "__init__" in above.methods:
                    return above.methods["__init__"][0], 1
    return None, 0


def _exchanged(filled: list[tuple[str, Expression]]) -> tuple[str, str] | None:
    """Two ids of which each is given for the other, and that are no two ends of one thing; so are a user and a tenant."""
    for number, (name, given) in enumerate(filled):
        got = _identifier(given) or _party(given) or _short(given)
        if got is None or got == name or not _names_one(name) or ENDS_OF_ONE.match(name):
            continue
        for other, against in filled[number + 1 :]:
            told = _identifier(against) or _party(against) or _short(against)
            if other == got and (told == name or _is_person_for_place(name, got, told)):
                return got, name
            # `is_member(uid, team)`, where it expects `team_id, user_id`.
            if told is not None and _bare(name) != _bare(got) and (_bare(other), _bare(name)) == (_bare(got), _bare(told)):
                return other, name
            # The other way round: `find(author.id, guild.id)`, where it expects `guild_id, member_id`.
            if name == told and _is_person_for_place(other, told, got):
                return name, other
    return None


def _bare(name: str) -> str:
    """`team` of `team_id`; and a `uid` is a user's."""
    return OF_WHOM if name in SHORT else name.removesuffix("_id")


def _is_person_for_place(name: str, place: str, told: str | None) -> bool:
    """Somebody is expected and a place is given, and somebody for the place: of the two, the place has one name only."""
    of_place = place.removesuffix("_id") in PLACES
    return of_place and told is not None and {name.removesuffix("_id"), told.removesuffix("_id")} <= SOMEBODY


def _goes_both_ways(call: CallSite, exchanged: tuple[str, str], scope: FunctionSymbol) -> bool:
    """`befriend(user_id, friend_id)` and `befriend(friend_id, user_id)`: what holds for the one is told of the other, too."""
    if {_bare(name) for name in exchanged} <= KINDS | PARTIES:
        return False  # no user is a tenant
    beside = (each for each in scope.facts.calls if each.callee == call.callee and each is not call)
    return any(
        (each.arguments, each.keywords) != (call.arguments, call.keywords)
        and Counter(each.given) == Counter(call.given)
        and [name for name, _ in each.keywords] == [name for name, _ in call.keywords]
        for each in beside
    )


def _names_one(name: str) -> bool:
    return name.endswith("_id") or name in PARTIES or name in SHORT


def _party(given: Expression) -> str | None:
    """`user` of the name and of `g.user`, for what is wanted as `user`."""
    return given[-1] if given[0] in NAMED and given[-1] in PARTIES else None


def _short(given: Expression) -> str | None:
    """`uid`, beside another id that it may have changed places with: alone, it may be that of a message or a process."""
    return given[-1] if given[0] in NAMED and given[-1] in SHORT else None


def _mismatches(
    scope: FunctionSymbol,
    call: CallSite,
    function: FunctionSymbol,
    filled: list[tuple[str, Expression]],
    owned: frozenset[str],
) -> Iterator[Mismatch]:
    for name, given in filled:
        wanted, got = _kind(name, owned), _kind(_identifier(given) or "", owned)
        if wanted is None or got is None or wanted == got or wanted in _said(given, scope):
            continue
        if OF_WHOM not in (wanted, got) and not {wanted, got} <= KINDS:
            continue  # one thing of the program may well be another, under a longer name
        yield Mismatch(scope, call, function, name, given, wanted, got)


def _identifier(expression: Expression) -> str | None:
    """`user_id` of the name, of `request.user_id`, of `user.id` and of `frame["user_id"]`."""
    if expression[0] == "subscript" and expression[2][0] == "string":
        name = expression[2][1]
        return name if name.endswith("_id") else None
    if expression[0] not in NAMED or not expression[-1].endswith("id"):
        return None  # so it is with nearly every argument of every call there is
    name = expression[-1]
    if name == "id":
        inner = last_name(expression[1]) if expression[0] == "attribute" else None
        return None if inner is None else f"{inner}_id"
    return name if name.endswith("_id") else None


def _kind(name: str, owned: frozenset[str]) -> str | None:
    kind = name.removesuffix("_id")
    return kind if kind != name and (kind in KINDS or kind in owned) else None


def _owned(analysis: Analysis) -> frozenset[str]:
    """Names of the program's classes whose objects belong to somebody, as ids are called by them: `diagnosis_case`."""
    found: set[str] = set()
    relations = analysis.once(Relations)
    for module in analysis.modules:
        for kind in () if module.in_tests else module.classes:
            if any(map(OWNED_BY.match, kind.body.assigned)) and relations.has_its_own(called(kind)):
                words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", kind.name)
                found.update(("_".join(words).lower(), words[-1].lower() if words else ""))
    return frozenset(found - PEOPLE)


def _said(given: Expression, scope: FunctionSymbol) -> frozenset[str]:
    """The kinds that an expression speaks of on the way to its id: `agent.user.id` may be either's."""
    names = (last_name(part) or "" for part in within(given, scope) if part != given)
    return frozenset(word for name in names for word in name.lower().split("_"))


def _is_at_hand(each: Mismatch) -> bool:
    """An id of the kind that is expected stands in the same function, or in one around it."""
    right = f"{each.wanted}_id"
    at: FunctionSymbol | None = each.scope
    while at is not None and at.facts.sort not in ("top", "body"):
        if right in at.bound or any(last_name(one.expression) == right for one in at.facts.reads):
            return True
        at = at.parent
    return False
