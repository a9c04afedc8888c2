"""Objects that work with a session that they were made with: `repository = People(session)`, `self.people = People(session)`.

What is called on such an object is done to the session.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.makers import Made, Makers
from netra.guard.facts import SELF, Assignment, Expression, last_name
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.singletons import has_fields
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, TypeOf

# Constructors that hand a session on to the one above them.
FURTHEST: Final = 3


class Carriers:
    """Answers under which attribute an object has a session."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._makers = analysis.once(Makers)
        self._kept: dict[tuple[FunctionSymbol, str], str | None] = {}

    def attribute(self, holder: Expression, session: Expression, scope: FunctionSymbol) -> str | None:
        """The attribute of a holder that is this session, as far as the function, or the class around it, tells.

        It has dots in it where the session is kept by an object that the holder has made with it.
        """
        if (beneath := _beneath(session, holder)) is not None:
            return beneath
        match holder:
            case ("name", "self"):
                return None
            case ("call", int(index)):
                return self.kept_as(index, session, scope)
            case ("name", str(name)):
                assigned = scope.assigned.get(name, ())
                if len(assigned) == 1 and assigned[0].value[0] == "call" and assigned[0].how == "=":
                    return self.kept_as(assigned[0].value[1], session, scope)
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
                return self._within(scope.owner, name, session)
            case ("attribute", ("name", _) as whole, str(name)) if session[0] == "attribute" and session[1] == whole:
                # `work.people`, where `work` has made it of its own session.
                match self._analysis.receivers.value(whole, scope):
                    case Instance(kind=kind) if not kind.module.library:
                        return self._within(kind, name, ("attribute", SELF, session[2]))
        return None

    def _within(self, kind: ClassSymbol, name: str, session: Expression) -> str | None:
        """The attribute under which what objects of a class have in an attribute has their session."""
        for at, each in self._set(kind, name):
            same = self._names_of(session, at)
            if each.value[0] == "call":
                found = (self.kept_as(each.value[1], one, at) for one in same)
                return next((one for one in found if one is not None), None)
        return None

    def session_of(self, holder: Expression, attribute: str, scope: FunctionSymbol) -> Expression | None:
        """What a holder was given to keep in an attribute, as the function, or the class around it, calls it."""
        match holder:
            case ("call", int(index)):
                made = self._makers.made(index, scope)
                for _, value in () if made is None else made.given:
                    if value and value[0] in ("name", "attribute") and self.kept_as(index, value, scope) == attribute:
                        return value
            case ("name", str(name)):
                assigned = scope.assigned.get(name, ())
                if len(assigned) == 1 and assigned[0].value[0] == "call" and assigned[0].how == "=":
                    return self.session_of(assigned[0].value, attribute, scope)
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
                for at, each in self._set(scope.owner, name):
                    given = self.session_of(each.value, attribute, at) if each.value[0] == "call" else None
                    if given is not None and given[0] == "name":
                        kept = self._keeps(at, given[1]) if at.name == "__init__" else None
                        return None if kept is None else ("attribute", SELF, kept)
                    return given if given is not None and given[1] == SELF else None
        return None

    def kept_as(self, index: int, session: Expression, scope: FunctionSymbol) -> str | None:
        """The attribute in which an object keeps the session that its constructor is given by a call, or by a maker."""
        made = self._makers.made(index, scope)
        if made is None:
            return None
        constructor = self._analysis.receivers.parameters.constructor(made.kind)
        if constructor is None:
            return self._field(made, session)
        name = _parameter(made.given, session, constructor)
        return None if name is None else self._keeps(constructor, name)

    def is_record(self, index: int, scope: FunctionSymbol) -> bool:
        """What a call makes only holds what it is made of, for whoever is given it."""
        made = self._makers.made(index, scope)
        return made is not None and self._analysis.receivers.parameters.constructor(made.kind) is None

    def _field(self, made: Made, session: Expression) -> str | None:
        """The field of a record, such as a dataclass, that is this session."""
        order = [each for each in self._analysis.program.order(made.kind)[0] if not each.module.library]
        if not any(map(has_fields, order)):
            return None
        declared = [
            each.target[1]
            for kind in reversed(order)
            for each in kind.body.facts.assignments
            if each.annotation is not None and each.target[0] == "name"
        ]
        for position, value in made.given:
            if value == session:
                named = position if isinstance(position, str) else declared[position] if position < len(declared) else None
                return named if named in declared else None
        return None

    def method(self, callee: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
        """The function of the program that is called: also where only its maker tells of which class an object is."""
        match self._analysis.receivers.value(callee, scope):
            case Routine(function=function) if not function.module.library:
                return function
            case None if callee[0] == "attribute":
                kind = self._kind(callee[1], scope)
                order = () if kind is None else self._analysis.program.order(kind)[0]
                return next((each.methods[callee[2]][0] for each in order if callee[2] in each.methods), None)
        return None

    def _kind(self, holder: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class of what one call has made, and put into a name or an attribute of the object."""
        match holder:
            case ("call", int(index)):
                if isinstance(self._analysis.receivers.value(scope.facts.calls[index].callee, scope), TypeOf):
                    return None  # of what is called there, everything is known that can be
                made = self._makers.made(index, scope)
                return None if made is None else made.kind
            case ("name", str(name)):
                assigned = [(scope, each) for each in scope.assigned.get(name, ())]
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
                assigned = list(self._set(scope.owner, name))
            case _:
                return None
        if len(assigned) != 1 or assigned[0][1].value[0] != "call" or assigned[0][1].how != "=":
            return None
        return self._kind(assigned[0][1].value, assigned[0][0])

    def _stored(self, constructor: FunctionSymbol, name: str, depth: int) -> str | None:
        for each in constructor.facts.assignments:
            match each.target, each.value:
                case ("attribute", ("name", "self"), str(attribute)), value if ("name", name) in (value, *_choices(value)):
                    return attribute
        for call in constructor.facts.calls if depth else ():
            if last_name(call.callee) != "__init__":
                continue
            match self._analysis.receivers.value(call.callee, constructor):
                case Routine(function=above) if not above.module.library and above is not constructor:
                    given = _parameter((*call.placed,), ("name", name), above)
                    stored = None if given is None else self._stored(above, given, depth - 1)
                    if stored is not None:
                        return stored
        # Only where the object has no session of its own is it one of those that it makes: `self.people = People(session)`.
        for each in constructor.facts.assignments if depth else ():
            match each.target, each.value:
                case ("attribute", ("name", "self"), str(attribute)), ("call", int(index)):
                    inner = self.kept_as(index, ("name", name), constructor)
                    if inner is not None:
                        return f"{attribute}.{inner}"
        return None

    def _set(self, kind: ClassSymbol, name: str) -> Iterator[tuple[FunctionSymbol, Assignment]]:
        for each in self._analysis.program.order(kind)[0]:
            yield from each.set_on_self.get(name, ())

    def _names_of(self, session: Expression, scope: FunctionSymbol) -> list[Expression]:
        """What a session is called in a method that sets it: `self.session`, and the parameter that it is set from."""
        found = [session, *(each.value for each in scope.facts.assignments if each.target == session)]
        attribute = _beneath(session, SELF)
        if attribute is not None and scope.name == "__init__":
            # What a constructor hands on to the one above it, or to what it makes, which keeps it under that name.
            found += [("name", name) for name in scope.parameters if self._keeps(scope, name) == attribute]
        return found

    def _keeps(self, constructor: FunctionSymbol, name: str) -> str | None:
        key = (constructor, name)
        if key not in self._kept:
            self._kept[key] = None  # what a constructor that calls itself finds
            self._kept[key] = self._stored(constructor, name, FURTHEST)
        return self._kept[key]


def _parameter(
    given: tuple[tuple[int | str, Expression | None], ...], session: Expression, function: FunctionSymbol
) -> str | None:
    for position, value in given:
        if value == session:
            return parameter_given(function, position, bound=True)
    return None


def _beneath(session: Expression, holder: Expression) -> str | None:
    """`people.session` of `self.people.session`, beneath `self`."""
    names: list[str] = []
    while session[0] == "attribute":
        names.append(str(session[2]))
        session = session[1]
        if session == holder:
            return ".".join(reversed(names))
    return None


def _choices(value: Expression) -> tuple[Expression, ...]:
    """`session or Session()`."""
    return tuple(value[1]) if value[0] == "choice" else ()
