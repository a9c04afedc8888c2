"""E106."""

import re
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule

SECRET = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_KEY|PASSWORD|PASSWD|PRIVATE_KEY|SIGNING_KEY|ENCRYPTION_KEY|JWT_KEY|SALT|PEPPER"
    r"|(?:AUTH|ADMIN|WEBHOOK|SERVICE|BEARER|INTERNAL|VERIFY|VERIFICATION)_TOKEN)$"
    r"|^SECRET_KEY|_SECRET_KEY"
)
"""What a variable or setting is called whose value nobody may know. API keys are left out: a local model wants `EMPTY`."""

HARMLESS = re.compile(
    r"[\W_]*|[\W\d_]{0,7}|true|false|none|null|.*\.(?:txt|pem|key|json|ya?ml)|.*[/\\].*|\$\{?\w+\}?|<.*>", re.IGNORECASE
)
"""Texts that are no secret: empty ones, short numbers, paths, switches, and what stands for a value still to be filled in."""


@rule("E106", "secret-default", default=False)
def secret_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default stands in for a missing secret, so a server without one starts and is open to whoever has read the source.

    ```python
    SECRET_KEY = os.getenv("SECRET_KEY", "change-me")  # E106: anybody can sign a token


    class Settings(BaseSettings):
        jwt_secret: str = "development-secret"  # E106


    try:
        pepper = os.environ["PASSWORD_PEPPER"]
    except KeyError:
        pepper = "pepper"  # E106
    ```

    Refuse to start without it, except where the environment says that this is a developer's own machine.
    """
    for access in analysis.once(accesses):
        if access.touch is Touch.READ and SECRET.search(access.variable.upper()) and not is_edge(access.scope.module):
            default = access.default or _alternative(access.scope, access.line, access.column)
            if _is_known_to_all(default):
                yield _sighting(access.scope, access.line, access.column, access.variable)
            for line, column in _supplied_when_missing(access):
                yield _sighting(access.scope, line, column, access.variable)
    for module in analysis.modules:
        if is_edge(module):
            continue
        for each in module.classes:
            order, _ = analysis.program.order(each)
            if not any(last_name(base) == "BaseSettings" for above in order for base in above.facts.bases):
                continue
            for field in each.body.facts.assignments:
                name = last_name(field.target) or ""
                if SECRET.search(name.upper()) and _is_known_to_all(_field_default(each.body, field.value)):
                    yield _sighting(each.body, field.line, field.column, name)


def _sighting(scope: FunctionSymbol, line: int, column: int, name: str) -> Sighting:
    message = f"`{name}` has a default that everybody can read, so nobody notices when it is missing"
    return Sighting(scope, line, column, line, message, mend=Mend("refuse to start without it"))


def _alternative(scope: FunctionSymbol, line: int, column: int) -> Expression | None:
    """`"x"` of `os.getenv("A") or "x"`."""
    for each in scope.facts.assignments:
        match each.value:
            case ("choice", (("call", int(index)), *_, last)):
                call = scope.facts.calls[index]
                if (call.line, call.column) == (line, column):
                    return tuple(last)
    return None


def _supplied_when_missing(access: Access) -> Iterator[tuple[int, int]]:
    """Where the handler of a missing variable supplies a text: `except KeyError: return "x"`."""
    facts = access.scope.facts
    around = [each for each in facts.blocks if each.what == "try" and each.line <= access.line <= each.end_line]
    if not around:
        return
    innermost = max(around, key=lambda each: each.line)
    handlers = [each for each in facts.blocks if each.what == "handler" and each.line > innermost.end_line]
    if not handlers or not {"KeyError", "LookupError", "Exception"} & {last_name(each) for each in innermost.expressions}:
        return
    first = min(handlers, key=lambda each: each.line)
    gets = {each.target for each in facts.assignments if each.line == access.line}
    for given in facts.assignments:
        if first.line <= given.line <= first.end_line and given.target in gets and _is_known_to_all(given.value):
            yield given.line, given.column
    if any(each.line == access.line for each in facts.returned):
        for returned in facts.returned:
            if first.line <= returned.line <= first.end_line and _is_known_to_all(returned.value):
                yield returned.line, returned.column


def _field_default(body: FunctionSymbol, value: Expression) -> Expression | None:
    match value:
        case ("string", _):
            return value
        case ("call", int(index)):
            call = body.facts.calls[index]
            if last_name(call.callee) == "SecretStr" and call.arguments:
                return call.arguments[0]
            if last_name(call.callee) == "Field":
                default = call.arguments[0] if call.arguments else dict(call.keywords).get("default")
                return None if default is None else _field_default(body, default)
    return None


def _is_known_to_all(default: Expression | None) -> bool:
    match default:
        case ("string", str(text)):
            return HARMLESS.fullmatch(text) is None
    return False
