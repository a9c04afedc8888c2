"""E106."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.libraries_of_settings import library_reads
from netra.guard.lookups import lookups
from netra.guard.meaning.expressions import comparisons
from netra.guard.rule import rule
from netra.guard.settings import target_of, values_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.verifying import Verified

SECRET = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_KEY|PASSWORD|PASSWD|PRIVATE_KEY|SIGN(?:ING|ER|ATURE)_KEY|(?:HMAC|CSRF|COOKIE|SESSION|FERNET)_KEY|ENCRYPTION_KEY|JWT_KEY|SALT|PEPPER"
    r"|(?:AUTH|ADMIN|WEBHOOK|SERVICE|BEARER|INTERNAL|VERIFY|VERIFICATION)_TOKEN)$"
    r"|^SECRET_KEY|_SECRET_KEY"
)
"""What a variable or setting is called whose value nobody may know. API keys are left out: a local model wants `EMPTY`."""

HARMLESS = re.compile(
    r"[\W_]*|[\W\d_]{0,7}|true|false|none|null|.*\.(?:txt|pem|key|json|ya?ml)|.*[/\\].*|\$\{?\w+\}?|<.*>", re.IGNORECASE
)
"""Texts that are no secret: empty ones, short numbers, paths, switches, and what stands for a value still to be filled in."""


OUTSIDE = re.compile(
    r"^(?:\w+_)?(?:SMTP|MAIL|EMAIL|IMAP|POP3|PROXY|LANGFUSE|SENTRY|TWILIO|SENDGRID|DATADOG|STRIPE|GITHUB|SLACK)_"
    r"(?!\w*(?:WEBHOOK|SIGNING|VERIF))"
)
"""Secrets that others ask this program for: who knows one gets into that service, and nowhere here."""


SIGNING = re.compile(
    r"(?:^|_)(?:SECRET_KEY|JWT_SECRET|JWT_KEY|SIGN(?:ING|ER|ATURE)_KEY|(?:HMAC|CSRF|COOKIE|SESSION|FERNET)_KEY|ENCRYPTION_KEY|SESSION_SECRET|COOKIE_SECRET|TOKEN_SECRET|SALT|PEPPER)$"
    r"|JWT_SECRET"
)
"""What signs or encrypts: whoever knows it, makes tokens of his own. A password may be another server's, which it opens."""

SERVICES = re.compile(
    r"^(?:\w+_)?(?:AWS|S3|OSS|COS|MINIO|R2|AZURE|GCP|GOOGLE|RECAPTCHA|HCAPTCHA|TURNSTILE|TENCENT|ALIYUN|PAYPAL)_"
)
"""Services of others that hand out what they call a secret key."""


NAMING = re.compile(r"SECRET|KEY|TOKEN|PASSWORD|PASSWD|SALT|PEPPER|PASSPHRASE|HMAC|SIGN|CREDENTIAL|\bPIN\b", re.IGNORECASE)
"""What is given to a call that verifies, beside algorithms and issuers."""


@rule("E106", "secret-default", hesitant=True)
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

    What is shown to a mail server or another outside service opens nothing here, and is left alone; so is a text that the
    program itself compares with the secret, to refuse it. A function of the program that is given the name reads as well:
    `env("SECRET_KEY", "change-me")`, `env("SALT") or "0" * 32`. Guard is certain of what signs and encrypts: a password
    or a token may be what another server asks for.

    So it is of what the program compares with what somebody has sent, or gives to `hmac.new`, `jwt.decode`, `compare_digest` or
    the like, whatever it is called: there an empty text lets in everybody who sends none, where nothing asks whether it is set.

    Refuse to start without it, except where the environment says that this is a developer's own machine.
    """
    for access in (*analysis.once(accesses), *analysis.once(lookups), *analysis.once(library_reads)):
        if access.touch is not Touch.READ or is_edge(access.scope.module):
            continue
        default = _repeated(access.default) if access.default else _alternative(access.scope, access.line, access.column)
        kept = target_of(access)
        if kept and _is_let_in_by(analysis, kept, default) and default not in analysis.once(_refused):
            yield _used(access.scope, access.line, access.column, access.variable, kept)
        elif _is_own_secret(access.variable):
            if _is_known_to_all(default) and default not in analysis.once(_refused):
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
                default = _field_default(each.body, field.value)
                unread = not analysis.program.once(NamesUsed).is_named(name)
                if unread or _is_judged(order, name):
                    continue
                if _is_let_in_by(analysis, name, default) and default not in analysis.once(_refused):
                    yield _used(each.body, field.line, field.column, name, name)
                elif not _is_own_secret(name):
                    continue
                elif _is_known_to_all(default) and default not in analysis.once(_refused):
                    yield _sighting(each.body, field.line, field.column, name)


def _is_let_in_by(analysis: Analysis, kept: str, default: Expression | None) -> bool:
    """Somebody is let in by what has a text as its default: a known one, or none at all, which nobody looks for."""
    if default is None or default[0] != "string" or NAMING.search(kept) is None:
        return False
    verified = analysis.once(Verified)
    if kept not in verified.names:
        return False
    return _is_known_to_all(default) or (default == ("string", "") and kept not in verified.tested)


def _used(scope: FunctionSymbol, line: int, column: int, name: str, kept: str) -> Sighting:
    message = f"`{name}` has a default that everybody can read, and `{kept}` is what others are let in or believed by"
    return Sighting(scope, line, column, line, message, (), Mend("refuse to start without it"), CERTAIN)


def _is_judged(order: tuple[ClassSymbol, ...], field: str) -> bool:
    """A validator of the class looks at the field, and raises: it knows its own placeholder for what it is."""
    for method in (one for each in order for methods in each.methods.values() for one in methods):
        if method.facts.raises and (method.decorator_names & VALIDATING or method.name in VALIDATING):
            read = any(last_name(each.expression) == field for each in method.facts.reads)
            texts = [str(each) for each in values_of(method)]
            texts += [str(each.arguments) for each in method.facts.decorators]
            if read or any(repr(field) in text for text in texts):
                return True
    return False


def _is_own_secret(name: str) -> bool:
    return SECRET.search(name.upper()) is not None and OUTSIDE.search(name.upper()) is None


# What pydantic runs on what it has made of its input, or before.
VALIDATING: Final = frozenset("model_validator field_validator validator root_validator model_post_init".split())


def _refused(analysis: Analysis) -> frozenset[Expression]:
    """Texts that the program compares with something called like a secret: placeholders that it knows for what they are."""
    found: set[Expression] = set()
    for scope in analysis.once(Verified).readers(SECRET):
        expressions = [*values_of(scope), *(each for block in scope.facts.blocks for each in block.expressions)]
        for parts in (parts for each in expressions for parts, _ in comparisons(each)):
            if any(SECRET.search((last_name(part) or "").upper()) for part in parts):
                found.update(text for part in parts for text in _texts(analysis, part, scope))
    return frozenset(found)


def _texts(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    match expression:
        case ("string", _):
            yield expression
        case ("list" | "tuple" | "set", parts):
            for part in parts:
                yield from _texts(analysis, part, scope)
        case ("name", str(name)):
            match analysis.program.lookup(name, scope):
                case VariableSymbol(scope=holder, name=kept) if holder is holder.module.top:
                    yield from (each.value for each in holder.assigned.get(kept, ()) if each.value[0] == "string")


def _sighting(scope: FunctionSymbol, line: int, column: int, name: str) -> Sighting:
    message = f"`{name}` has a default that everybody can read, so nobody notices when it is missing"
    signs = SIGNING.search(name.upper()) is not None and SERVICES.search(name.upper()) is None
    mend = Mend("refuse to start without it")
    # A template is there to be filled in, and says so by its placeholder.
    sure = CERTAIN if signs and not scope.module.is_template else LIKELY
    return Sighting(scope, line, column, line, message, (), mend, sure)


def _alternative(scope: FunctionSymbol, line: int, column: int) -> Expression | None:
    """`"x"` of `os.getenv("A") or "x"`, wherever it is assigned, given or returned."""
    for value in values_of(scope):
        match value:
            case ("choice", (("call", int(index)), *_, last)):
                call = scope.facts.calls[index]
                if (call.line, call.column) == (line, column):
                    return _repeated(tuple(last))
    return None


def _repeated(expression: Expression) -> Expression:
    """`"0" * 32` is a text that everybody can read, as `"0"` is."""
    match expression:
        case ("operator", "", ("string", str(text)), ("constant", "int")) if text:
            return ("string", f"{text} repeated")
    return expression


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
