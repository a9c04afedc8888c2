"""Whether a route can know who is signed in without asking anybody else: what runs before it has found that out."""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.requests.holders import CONNECTIONS, HOLDING, SOMEBODY, left_with_request
from netra.guard.requests.identities import SignedIn
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# Decorators, bases and settings of views that let only those in who are signed in.
SIGNED_IN: Final = re.compile(
    r"(?:fresh_)?(?:log[io]n|jwt|token|auth|session)_required|requires?_(?:log[io]n|auth|user|session|token)|requires|authenticated"
    r"|auth_required|protected|logged_in|signed_in|LoginRequiredMixin|IsAuthenticated"
)
# What runs before every request.
BEFORE: Final = frozenset("process_request process_resource process_view dispatch __call__ authenticate prepare".split())
EVERY: Final = "every request"
# Of these, what any of them is told of who is asking has been found out for all of them.
FOUND_OUT: Final = ("socket event", "agent", "MCP")

# Classes of FastAPI that read what somebody signs in with, for the routes that depend on them.
OF_SCHEMES: Final = (
    "HTTPBearer",
    "HTTPBasic",
    "HTTPDigest",
    "PasswordBearer",
    "CodeBearer",
    "APIKeyHeader",
    "APIKeyCookie",
    "OAuth2",
)


class AtHand:
    """Answers what runs before a route and leaves it who is signed in; use `analysis.once(AtHand)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)
        self._read: dict[ModuleSymbol, Step | None] = {}

    @lazily
    def _hook(self) -> Step | None:
        return next((step for scope in self._analysis.scopes if (step := self._left(scope)) is not None), None)

    def of(self, scope: FunctionSymbol) -> Step | None:
        """The decorator, class or hook that finds out who is signed in before a function runs."""
        for each in scope.facts.decorators:
            if SIGNED_IN.fullmatch(last_name(each.callee) or ""):
                return Step(scope.module.path, each.line, f"`{last_name(each.callee)}` lets only those in who are signed in")
        owner = scope.owner
        for kind in self._analysis.program.order(owner)[0] if owner is not None else ():
            allowed = [each.value for each in kind.body.assigned.get("permission_classes", ())]
            named = [*kind.facts.bases, *(part for value in allowed if value[0] in ("list", "tuple") for part in value[1])]
            if any(SIGNED_IN.fullmatch(last_name(each) or "") for each in named):
                return Step(kind.module.path, kind.facts.line, f"`{kind.name}` lets only those in who are signed in")
            for name, given in kind.set_on_self.items():
                method = given[0][0]
                if method is scope or name not in SOMEBODY or method not in self._analysis.reach.entries:
                    continue
                if self._identities.of(given[0][1].value, method) is not None:
                    return Step(method.module.path, given[0][1].line, f"who is signed in is kept in `self.{name}`")
        return self._hook or self._read_by_others(scope.module)

    def _left(self, scope: FunctionSymbol) -> Step | None:
        """A hook or middleware leaves it with the request: `request.ctx.user = …`, `g.user = …`."""
        entry = self._analysis.reach.entries.get(scope)
        if scope.module.in_tests or not (scope.name in BEFORE or (entry is not None and entry.label == EVERY)):
            return None
        if scope.owner is not None and any((last_name(each) or "").endswith(OF_SCHEMES) for each in scope.owner.facts.bases):
            return None  # it is asked by the routes that depend on it, and not with every request
        note = f"`{scope.facts.qualified}` leaves who is signed in with every request"
        for each in scope.facts.assignments:
            if left_with_request(each.target) in self._identities.left or _is_with_request(each.target):
                return Step(scope.module.path, each.line, note)
        for call in scope.facts.calls:
            sets = call.callee[0] == "attribute" and call.callee[2] == "set" and len(call.arguments) == 1
            if sets and self._identities.is_context(call.callee[1], scope):
                return Step(scope.module.path, call.line, note)
        return None

    def _read_by_others(self, module: ModuleSymbol) -> Step | None:
        """Where another route of a module reads who is signed in from its request: something has left it there before.

        Where routes are given that by dependencies, each says for itself whom it asks.
        """
        if module not in self._read:
            self._read[module] = self._reading(module)
        return self._read[module]

    def _reading(self, module: ModuleSymbol) -> Step | None:
        entries = self._analysis.reach.entries
        here = [(scope, entries[scope]) for scope in module.functions if scope in entries and entries[scope].label != EVERY]
        if any(self._identities.of(("name", name), scope) is not None for scope, _ in here for name in scope.parameters):
            return None
        for scope, entry in here if not module.in_tests else ():
            for call in scope.facts.calls:
                for given in call.given:
                    by_connection = entry.label.startswith(FOUND_OUT) and self._identities.of(given, scope) is not None
                    if by_connection or self._identities.is_left(_meant(given, scope), scope):
                        note = f"{entry.label} acts for who is signed in, as `{written(given, scope)}` says"
                        return Step(scope.module.path, call.line, note)
        return None


def _meant(given: Expression, scope: FunctionSymbol) -> Expression:
    """`request.user.id`, where `caller = request.user` and `caller.id` is given."""
    if given[0] == "attribute" and given[1][0] == "name" and given[1][1] not in scope.parameters:
        values = scope.assigned.get(given[1][1], ())
        if len(values) == 1 and values[0].how in ("=", "annotated"):
            return ("attribute", values[0].value, given[2])
    return given


def _is_with_request(target: Expression) -> bool:
    match target:
        case ("attribute", holder, str(name)) | ("subscript", holder, ("string", str(name))):
            if name not in SOMEBODY:
                return False
            if holder[0] == "attribute":
                return holder[2] in HOLDING and last_name(holder[1]) in CONNECTIONS
            return holder == ("name", "g") or last_name(holder) in CONNECTIONS
    return False
