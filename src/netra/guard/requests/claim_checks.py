"""What is done with whom a client says to be, before anybody acts for them: it is checked, looked at as a text, or left out.

subject = await subject_for(caller, user_id)
if subject is None:
    raise HTTPException(403)  # whoever may not choose this user, is sent away
"""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, PLAIN, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.claims import IGNORED
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.passing import pairs
from netra.guard.requests.refusals import is_forbidden_by
from netra.guard.requests.slots import is_container
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

# Libraries and functions that only look at a text, or make another one of it.
_OF_TEXT: Final = re.compile(
    r"(?:builtins|re|regex|uuid|string|html|urllib\.parse|unicodedata|hashlib|base64|textwrap|markupsafe|bleach|slugify"
    r"|werkzeug\.utils\.secure_filename|werkzeug\.utils|django\.utils\.(?:html|text))(?:\.|$)"
)
_METHODS: Final = frozenset(
    """strip lstrip rstrip lower upper casefold split rsplit partition rpartition replace removeprefix removesuffix startswith
    endswith isdigit isalnum isalpha isidentifier isnumeric match fullmatch search sub group groups encode decode format join
    hexdigest title translate""".split()
)
_BUILTINS: Final = frozenset("str int len bool isinstance any all ord chr UUID repr set tuple list min max ValueError".split())

# What somebody brings along that was made for one user alone.
_PROVING: Final = re.compile(r"capabilit|signature|(?<![a-z])sig(?![a-z])|hmac|proof|token(?!i[sz])|secret|ticket")

_INT: Final[Expression] = ("name", "int")

# Where what a call gives is only asked whether it is so.
_TESTED: Final = frozenset({"truth", "statement", "compare"})

# Functions that are followed, from one to the next.
FURTHEST: Final = 3


class ClaimChecks:
    """Answers what a route does with a claim; use `analysis.once(ClaimChecks)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)
        self._textual: dict[FunctionSymbol, bool] = {}

    def is_settled(self, claim: Expression, scope: FunctionSymbol) -> bool:
        """The route sends away whoever may not choose this user: by itself, or by what it calls with it."""
        if is_forbidden_by({claim}, scope, where_missing=False) or self._is_held_against_proof(claim, scope):
            return True
        for number, call in enumerate(scope.facts.calls):
            if claim in call.given and (
                self._is_check(call, claim, scope)
                or is_forbidden_by(_results(("call", number), scope), scope, where_missing=True)
            ):
                return True
        return False

    def _is_held_against_proof(self, claim: Expression, scope: FunctionSymbol) -> bool:
        """`if not verify(capability, user_id): return "no", 404`. A number proves nothing: the ticket to a concert."""
        facts = scope.facts
        leaving = [*facts.raises, *(each.line for each in facts.returned if each.how == "return")]
        for block in facts.blocks:
            if block.what == "if" and any(block.line <= line <= block.end_line for line in leaving):
                for part in (part for test in block.expressions for part in within(test, scope) if part[0] == "call"):
                    given = facts.calls[part[1]].given
                    proofs = [each for each in given if _PROVING.search(last_name(each) or "")]
                    if claim in given and not all(self._is_number(each, scope) for each in proofs):
                        return True
        return False

    def _is_number(self, given: Expression, scope: FunctionSymbol) -> bool:
        """A parameter or a field that is said to be an `int`."""
        match given:
            case ("name", str(name)) if name in scope.parameters:
                return scope.facts.parameters[scope.parameters[name]].annotation == _INT
            case ("attribute", inner, str(name)):
                match self._analysis.receivers.value(inner, scope):
                    case Instance(kind=kind):
                        declared = (
                            one for each in self._analysis.program.order(kind)[0] for one in each.body.facts.assignments
                        )
                        return next((each.annotation == _INT for each in declared if each.target == ("name", name)), False)
        return False

    def _is_check(self, call: CallSite, claim: Expression, scope: FunctionSymbol) -> bool:
        """It is handed who is asking beside whom the client names, or it sends away whoever may not."""
        function, taking = self._taking(call, claim, scope)
        if function is None or taking is None:
            return False
        for each in call.given:
            if each != claim and self._identities.of(each, scope) is not None:
                beside = self._taking(call, each, scope)[1]
                if beside is not None and _brings_together(taking, beside, function):
                    return True
        return self._sends_away(function, taking, FURTHEST)

    def _sends_away(self, function: FunctionSymbol, taking: str, depth: int) -> bool:
        """A test that names the parameter stands before a refusal, in a function or in one that it hands it on to."""
        name = ("name", taking)
        if is_forbidden_by({name}, function, where_missing=False):
            return True
        for call in function.facts.calls if depth else ():
            if name in call.given:
                further, handed = self._taking(call, name, function)
                if further is not None and handed is not None and self._sends_away(further, handed, depth - 1):
                    return True
        return False

    def _taking(self, call: CallSite, given: Expression, scope: FunctionSymbol) -> tuple[FunctionSymbol | None, str | None]:
        """The function of the program that is called, and its parameter that gets something."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                told = pairs(call, function, 1 if bound and function.owner is not None else 0)
                return function, next((name for name, value in told if value == given), None)
        return None, None

    # --- only its text -----------------------------------------------------------------------------------------------------

    def only_looks(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """`if not looks_like_uuid(user_id)`, `secure_filename(user)`: nothing is looked for, and nobody is acted for."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library:
                where = call.where[1] if call.where[0] == "await" else call.where
                return where[0] in _TESTED and self._is_textual(function, FURTHEST)
        return self._is_of_text(call.callee, scope)

    def _is_of_text(self, callee: Expression, scope: FunctionSymbol) -> bool:
        match self._analysis.program.evaluate(callee, scope):
            case External(dotted=dotted):
                return _OF_TEXT.match(dotted) is not None
        return False

    def _is_textual(self, function: FunctionSymbol, depth: int) -> bool:
        """All that a function does is done with texts: it asks no store, keeps nothing and waits for nothing."""
        if function not in self._textual:
            self._textual[function] = False  # what one that calls itself finds
            self._textual[function] = self._find_textual(function, depth)
        return self._textual[function]

    def _find_textual(self, function: FunctionSymbol, depth: int) -> bool:
        facts = function.facts
        if (
            facts.sort != PLAIN
            or facts.globals
            or any(each.target[0] in ("attribute", "subscript") for each in facts.assignments)
        ):
            return False
        for name in facts.loads:
            match self._analysis.program.lookup(name, function):
                case VariableSymbol(scope=at) if at is not function and any(
                    _is_filled_later(each.value, at) for each in at.assigned.get(name, ())
                ):
                    return False
        return all(self._keeps_to_text(call, function, depth) for call in facts.calls)

    def _keeps_to_text(self, call: CallSite, function: FunctionSymbol, depth: int) -> bool:
        name = last_name(call.callee) or ""
        if name in IGNORED or name in _BUILTINS or name.endswith(("Error", "Exception")):
            return True
        match self._analysis.receivers.value(call.callee, function):
            case Routine(function=further) if not further.module.library:
                return depth > 0 and self._is_textual(further, depth - 1)
        return (call.callee[0] == "attribute" and name in _METHODS) or self._is_of_text(call.callee, function)

    # --- left out ----------------------------------------------------------------------------------------------------------

    def may_be_left_out(self, call: CallSite, claim: Expression, scope: FunctionSymbol) -> bool:
        """Whoever leaves it out gets the rows of all: it is a filter, in what the route calls with it."""
        if claim[0] != "name" or not _is_optional(claim[1], scope):
            return False
        function, taking = self._taking(call, claim, scope)
        return function is not None and taking is not None and self._filters(function, taking, FURTHEST)

    def is_named_by_default(self, claim: Expression, scope: FunctionSymbol) -> bool:
        """Whoever says nothing is called by a text of the program: `author: str = "Agent"`, `Field(default="Agent")`."""
        match claim:
            case ("name", str(name)) if name in scope.parameters and scope.parent is not None:
                return _is_text(scope.facts.parameters[scope.parameters[name]].default, scope.parent)
            case ("attribute", inner, str(name)):
                match self._analysis.receivers.value(inner, scope):
                    case Instance(kind=kind):
                        order = self._analysis.program.order(kind)[0]
                        return any(_is_text(each.value, one.body) for one in order for each in one.body.assigned.get(name, ()))
        return False

    def _filters(self, function: FunctionSymbol, name: str, depth: int) -> bool:
        """All that is done with a parameter is to leave out rows where it is there: `if owner: rows = of(rows, owner)`."""
        if function.assigned.get(name):
            return False
        given: Expression = ("name", name)
        there = (given, ("compare", (given, NOTHING), ("IsNot",)), ("compare", (given, NOTHING), ("NotEq",)))
        blocks = function.facts.blocks
        tests = [each for each in blocks if each.what == "if" and len(each.expressions) == 1 and each.expressions[0] in there]
        lasting = [each for each in tests if not any(one.what == "else" and one.line == each.end_line + 1 for one in blocks)]
        passed = False
        for call in function.facts.calls:
            if any(each.line <= call.line <= each.end_line for each in lasting) or last_name(call.callee) in IGNORED:
                continue
            if given in call.given:
                further, handed = self._taking(call, given, function)
                if not depth or further is None or handed is None or not self._filters(further, handed, depth - 1):
                    return False
                passed = True
        return passed or bool(lasting)


def _is_text(default: Expression | None, scope: FunctionSymbol) -> bool:
    if default is not None and default[0] == "call":
        call = scope.facts.calls[default[1]]
        default = next(iter(call.arguments), dict(call.keywords).get("default"))
    return default is not None and default[0] == "string" and bool(default[1])


def _is_filled_later(value: Expression, scope: FunctionSymbol) -> bool:
    """`carts = {}`, and not a table that is written down: `KINDS = {"a", "b"}`."""
    if value[0] == "call":
        return is_container(value, scope) and not scope.facts.calls[value[1]].given
    return value in (("dict", ()), ("list", ()), ("set", ()))


def _results(call: Expression, scope: FunctionSymbol) -> set[Expression]:
    """What a call gives, and the local names that get it."""
    waited = ("await", call)
    names = {each.target for each in scope.facts.assignments if each.value in (call, waited) and each.target[0] == "name"}
    return {call, waited, *names}


def _brings_together(one: str, other: str, function: FunctionSymbol) -> bool:
    """A test or a call of a function has both: who is asking is held against whom the client names."""
    facts = function.facts
    together = [(*block.expressions,) for block in facts.blocks if block.what == "if"]
    together += [call.given for call in facts.calls if last_name(call.callee) not in IGNORED]
    together += [(each.value,) for each in facts.returned if each.value[0] == "compare"]
    both = {("name", one), ("name", other)}
    return any(both <= {part for each in parts for part in within(each, function)} for parts in together)


def _is_optional(name: str, scope: FunctionSymbol) -> bool:
    """`owner: str | None = None`, `owner: str | None = Query(None)`."""
    if name not in scope.parameters:
        return False
    default = scope.facts.parameters[scope.parameters[name]].default
    if default is not None and default[0] == "call" and scope.parent is not None:
        call = scope.parent.facts.calls[default[1]]
        default = next(iter(call.arguments), dict(call.keywords).get("default"))
    return default == NOTHING
