"""E106."""

import re
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, accesses, is_edge
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
    r"\s*|[\W\d_]*|true|false|none|null|.*\.(?:txt|pem|key|json|ya?ml)|.*[/\\].*|\$\{?\w+\}?|<.*>", re.IGNORECASE
)
"""Texts that are no secret: empty ones, paths, switches, and what stands for a value that is still to be filled in."""


@rule("E106", "secret-default")
def secret_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default stands in for a missing secret, so a server without one starts and is open to whoever has read the source.

    ```python
    SECRET_KEY = os.getenv("SECRET_KEY", "change-me")  # E106: anybody can sign a token


    class Settings(BaseSettings):
        jwt_secret: str = "development-secret"  # E106
    ```

    Refuse to start without it, except where the environment says that this is a developer's own machine.
    """
    for access in analysis.once(accesses):
        if access.touch is Touch.READ and SECRET.search(access.variable.upper()) and not is_edge(access.scope.module):
            default = access.default or _alternative(access.scope, access.line, access.column)
            if _is_known_to_all(default):
                yield _sighting(access.scope, access.line, access.column, access.variable)
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
