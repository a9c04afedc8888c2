"""What a name is by what is put there: assignments, loops, `with`, `except`, and what is added to it later."""

from netra.guard.facts import BODY, TOP, Assignment, Expression, last_name
from netra.guard.meaning.containers import PAIRS, is_filled_later
from netra.guard.meaning.parameters import is_filled_in
from netra.guard.meaning.questions import Questions
from netra.guard.meaning.registering import filled_by
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import GeneratorOf, Instance, Plain, TypeOf, Value, agreed


class AssignedValues:
    """Answers about names and assignments of one program."""

    def __init__(self, receivers: Questions) -> None:
        self._receivers = receivers

    def variable(self, scope: FunctionSymbol, name: str) -> Value | None:
        """What a name is that a scope binds."""
        found: list[Value | None] = []
        if name in scope.parameters:
            value = self._receivers.parameters.of(scope, scope.facts.parameters[scope.parameters[name]], scope.parameters[name])
            if value is None and not is_filled_in(name, scope):
                return None
            found += [] if value is None else [value]
        assignments = [(scope, each) for each in scope.assigned.get(name, ())]
        if scope.facts.sort == BODY and (made := made_for_class(scope, name)) is not None:
            return self._receivers.value(made, scope)
        if scope.facts.sort == TOP:
            for function in scope.module.rebinding.get(name, ()):
                assignments += [(function, each) for each in function.assigned.get(name, ())]
        value = agreed([*found, *self.assigned(assignments)])
        if value is not None and not isinstance(value, Plain):
            return value
        late = scope.facts.sort == TOP and is_filled_later(assignments)
        filling = (scope, *filled_by(self._receivers.program, scope, name)) if late else (scope,)
        return self._receivers.containers.as_filled(value, ("name", name), filling, assignments)

    def assigned(self, assignments: list[tuple[FunctionSymbol, Assignment]]) -> list[Value | None]:
        """What each of several assignments puts there; of an annotation, what it promises alone."""
        found: list[Value | None] = []
        for scope, each in assignments:
            if each.annotation is not None and (value := self._receivers.annotated(each.annotation, scope)) is not None:
                return [value]
            if each.how == "declared":
                found.append(None)
            elif each.how != "delete" and not _is_of_itself(each, scope):
                found.append(self.stored(each, scope))
        return found

    def stored(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What an assignment puts there, whatever its annotation says."""
        match each.how:
            case "=" | "annotated":
                return self._receivers.value(each.value, scope)
            case "with" | "with async":
                return self._receivers.entered(self._receivers.value(each.value, scope), late=each.how == "with async")
            case "for" | "for async":
                match self._receivers.value(each.value, scope):
                    case Plain(name=name, item=item) if name not in ("dict", *PAIRS):
                        return item
                    case GeneratorOf(item=item):
                        return item
                    case Instance() as walked:
                        return self._walked(walked, "__aiter__" if each.how == "for async" else "__iter__")
            case "unpack":
                return self._receivers.containers.unpacked(each, scope)
            case "except":
                return self.caught(each, scope)
        return None

    def _walked(self, of: Instance, way: str) -> Value | None:
        """What a library promises of the things in an object: `def __aiter__(self) -> AsyncIterator[T]`."""
        method = of.kind.methods.get(way, ())[:1] if of.kind.module.model else ()
        for each in method:
            match each.facts.returns:
                case ("subscript", _, ("name", "T")) if of.of:
                    return of.of[0]
        return None

    def caught(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What `except ToolError as error` binds: one of the classes that it names."""
        handlers = [block for block in scope.facts.blocks if block.what == "handler" and block.head >= each.line]
        heads = min(handlers, key=lambda block: block.head).expressions if handlers else ()
        named = [part for head in heads for part in (head[1] if head[0] == "tuple" else (head,))]
        kinds = [self._receivers.value(part, scope) for part in named]
        return agreed([Instance(kind.kind) if isinstance(kind, TypeOf) else None for kind in kinds]) if kinds else None


def _is_of_itself(each: Assignment, scope: FunctionSymbol) -> bool:
    """`for row in late:` of `late = [row for row in rows if row.due]`: one name for the same things, twice."""
    if each.how not in ("for", "for async") or each.value[0] != "name" or each.target[0] != "name":
        return False
    given = [one.value for one in scope.assigned.get(each.value[1], ()) if one.how in ("=", "annotated")]
    return len(given) == 1 and given[0][0] == "comprehension" and given[0][2] == each.target


def made_for_class(body: FunctionSymbol, name: str) -> Expression | None:
    """The call in `state: Mapped[State] = mapped_column()`: the annotation tells what the objects of the class have."""
    match body.assigned.get(name):
        case [Assignment(annotation=annotation, value=("call", _) as made)] if annotation is not None:
            of_class = annotation[0] == "subscript" and last_name(annotation[1]) == "ClassVar"
            return None if of_class else made
    return None
