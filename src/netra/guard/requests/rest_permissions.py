"""Where a view of Django REST framework answers without the permission that its other methods are under.

`has_object_permission` is asked by `get_object()`, and by nothing else: a method that fetches the object of its path itself has
passed it by. And a view without permissions whose methods ask for themselves has one that does not.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.rest_views import RestAction, RestViews
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step

OF_OBJECT: Final = "has_object_permission"
# By what the object of a path is fetched.
FETCHING: Final = frozenset("get get_object_or_404 aget aget_object_or_404".split())
KEYS: Final = frozenset("pk id uuid slug".split())
# Who gets as far as the object where these are asked of everybody.
STAFF: Final = frozenset("is_staff is_superuser is_admin groups role".split())
# Methods that look at who is asking, from which on a view is taken to ask for itself.
ASKING: Final = 3


class Unasked(NamedTuple):
    """A method that answers whoever asks, in a view that lets only some."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    message: str
    why: tuple[Step, ...]
    mend: str


def unasked(analysis: Analysis) -> Iterator[Unasked]:
    """Every such method of a program."""
    views = analysis.once(RestViews)
    for kind, actions in views.actions.items():
        if views.chooses(kind):
            continue
        said = views.permissions(kind)
        if said is None:
            yield from _one_of_many(analysis, views, actions)
            continue
        permission = _of_objects(analysis, *said)
        for each in actions if permission is not None else ():
            if permission is not None and (found := _past(views, each, permission)) is not None:
                yield found


def _of_objects(analysis: Analysis, said: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
    """What one of the permissions asks of each object, where all that the others ask is who it is."""
    found: FunctionSymbol | None = None
    for part in within(said, scope):
        if part[0] not in ("name", "attribute"):
            continue
        if "Admin" in (last_name(part) or "") or "Staff" in (last_name(part) or ""):
            return None
        match analysis.program.evaluate(part, scope):
            case ClassSymbol() as kind if not kind.module.library:
                order = analysis.program.order(kind)[0]
                asked = next((each.methods[OF_OBJECT][-1] for each in order if OF_OBJECT in each.methods), None)
                if any(_is_for_few(one) for each in order for one in each.methods.get("has_permission", ())):
                    return None
                if asked is not None and asked.facts.parameters and asked.facts.parameters[-1].name in asked.facts.loads:
                    found = asked
    return found


def _is_for_few(permission: FunctionSymbol) -> bool:
    """Only the staff gets through, or the object of the path is looked at already."""
    read = [each.expression for each in permission.facts.reads] + [each.callee for each in permission.facts.calls]
    names = {part[2] for each in read for part in within(each, permission) if part[0] == "attribute"}
    return bool(names & STAFF) or "kwargs" in names or any("admin" in each.lower() for each in names)


def _past(views: RestViews, action: RestAction, permission: FunctionSymbol) -> Unasked | None:
    """A method about one object that fetches it past `get_object`."""
    scope = action.function
    safe = any(part[-1] == "SAFE_METHODS" for each in permission.facts.reads for part in within(each.expression, permission))
    safe = safe or "SAFE_METHODS" in permission.facts.loads
    if not action.detail or action.decides or (safe and not action.changes) or views.asks(scope, action.kind):
        return None
    for call in scope.facts.calls:
        if last_name(call.callee) in FETCHING and _is_by_path(call, scope):
            name = permission.owner.name if permission.owner is not None else permission.name
            message = f"`{written(call.callee, scope)}(…)` fetches the object of the path, and nothing asks `{name}` about it"
            why = (
                Step(permission.module.path, permission.facts.line, f"`{name}` says what each may do with which object"),
                Step(scope.module.path, scope.facts.line, f"`{scope.facts.qualified}` never calls `get_object`, which asks it"),
            )
            mend = "fetch it by `self.get_object()`, or call `self.check_object_permissions(request, …)`"
            return Unasked(scope, call.line, call.column, call.end_line, message, why, mend)
    return None


def _is_by_path(call: CallSite, scope: FunctionSymbol) -> bool:
    """`Plan.objects.get(pk=pk)`, `get_object_or_404(Plan, pk=kwargs["pk"])`."""
    of_model = call.callee[0] == "name" or (call.callee[1][0] == "attribute" and call.callee[1][2].endswith("objects"))
    if not of_model:
        return False
    for name, value in call.keywords:
        if name not in KEYS:
            continue
        match value:
            case ("name", str(given)) if given in KEYS and given in scope.parameters and not scope.assigned.get(given):
                return True
            case ("subscript", ("name", "kwargs") | ("attribute", ("name", "self"), "kwargs"), ("string", str(key))):
                return key in KEYS
    return False


def _one_of_many(analysis: Analysis, views: RestViews, actions: list[RestAction]) -> Iterator[Unasked]:
    """No permissions are said; all methods that change something look who asks, but one."""
    changing = [each for each in actions if each.changes and not each.decides]
    looking = [each for each in changing if "user" in views.names(each.function, each.kind)]
    if len(looking) < ASKING or len(looking) < len(changing) - 1 or _has_default(analysis):
        return
    for each in changing:
        scope = each.function
        done = None if each in looking or views.asks(scope, each.kind) else _does(scope)
        if done is None:
            continue
        what = written(done.callee, scope)
        message = f"`{what}(…)` is done for whoever asks, where all other methods of `{each.kind.name}` look who it is"
        one = looking[0].function
        why = (
            Step(one.module.path, one.facts.line, f"`{one.facts.qualified}` looks at who is asking"),
            Step(scope.module.path, each.kind.facts.line, f"`{each.kind.name}` says nothing of permissions"),
        )
        mend = "ask for the same permission, or say `permission_classes`"
        yield Unasked(scope, done.line, done.column, done.end_line, message, why, mend)


def _does(scope: FunctionSymbol) -> CallSite | None:
    """What it does: a call for nothing that it gives, of something that is not the view's own."""
    for call in scope.facts.calls:
        if call.where == ("statement",) and call.callee[0] == "attribute" and call.callee[1] != SELF:
            return call
    return None


def _has_default(analysis: Analysis) -> bool:
    """The settings of the program say what holds where a view says nothing."""
    named = (each for module in analysis.modules for each in module.top.facts.assignments)
    found = (each.value[1] for each in named if last_name(each.target) == "REST_FRAMEWORK" and each.value[0] == "dict")
    return any(key == ("string", "DEFAULT_PERMISSION_CLASSES") for pairs in found for key, _ in pairs)
