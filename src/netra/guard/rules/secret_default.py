"""E106."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.carried import carried_reads
from netra.guard.declared import declared_defaults
from netra.guard.entries.unused import NamesUsed
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.kept_under import compared_with, given_by, is_like_field, kept_under
from netra.guard.libraries_of_settings import library_reads
from netra.guard.logins import is_login_elsewhere
from netra.guard.lookups import lookups
from netra.guard.meaning.expressions import comparisons
from netra.guard.rule import rule
from netra.guard.salts import CALLED as SALT
from netra.guard.salts import salts_given
from netra.guard.sent_credentials import SentCredentials, is_credential, is_made_up
from netra.guard.settings import values_of
from netra.guard.standing_in import (
    Substitute,
    fields_filled_in,
    filled_from_all,
    is_known_to_all,
    is_read_in,
    known_text,
    substitutes,
)
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.unset import EMPTY, asked_for
from netra.guard.values import Step
from netra.guard.verifying import Verified

SECRET = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_KEY|PASSWORD|PASSWD|PRIVATE_KEY|SIGN(?:ING|ER|ATURE)_KEY|(?:HMAC|CSRF|COOKIE|SESSION|FERNET)_KEY|ENCRYPTION_KEY|JWT_KEY|SALT|PEPPER"
    r"|(?:AUTH|ADMIN|WEBHOOK|SERVICE|BEARER|INTERNAL|VERIFY|VERIFICATION)_TOKEN)$"
    r"|^SECRET_KEY|_SECRET_KEY"
)
"""What a variable or setting is called whose value nobody may know. API keys are left out: a local model wants `EMPTY`."""

OUTSIDE = re.compile(
    r"^(?:\w+_)?(?:SMTP|MAIL|EMAIL|IMAP|POP3|PROXY|LANGFUSE|SENTRY|TWILIO|SENDGRID|DATADOG|STRIPE|GITHUB|SLACK)_"
    r"(?!\w*(?:WEBHOOK|SIGNING|VERIF))"
)
"""Secrets that others ask this program for: who knows one gets into that service, and nowhere here."""


SIGNING = re.compile(
    r"(?:^|_)(?:SECRET_KEY|JWT_SECRET|JWT_KEY|SIGN(?:ING|ER|ATURE)_KEY|(?:HMAC|CSRF|COOKIE|SESSION|FERNET)_KEY|ENCRYPTION_KEY|SALT|PEPPER)$"
    r"|(?:^|_)(?:SESSION|COOKIE|TOKEN|STATE|CSRF|AUTH|HMAC|SIGNING|ENCRYPTION)_SECRET$|JWT_SECRET"
)
"""What signs or encrypts: whoever knows it, makes tokens of his own. A password may be another server's, which it opens."""

SERVICES = re.compile(
    r"^(?:\w+_)?(?:AWS|S3|OSS|COS|MINIO|R2|AZURE|GCP|GOOGLE|RECAPTCHA|HCAPTCHA|TURNSTILE|TENCENT|ALIYUN|PAYPAL)_"
)
"""Services of others that hand out what they call a secret key."""


LOGIN = re.compile(r"[a-z][\w+.-]*://[^/\s:@]*:[^/\s:@]+@(?P<host>\[[^\]]*\]|[^/\s:@?]+)")
"""An address with a password in it."""

LOOPBACK = re.compile(r"localhost|127\.[\d.]+|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal|", re.IGNORECASE)
"""A database on the same machine is a developer's."""

PLACEHOLDER = re.compile(
    r"//(?:user(?:name)?|login|<\w+>):|:(?:pass(?:word)?|pwd|\*+|x+|\.+|<[^>]*>)@(?:host\w*|server|\w*\.?example\b)|[{}<>]|//guest:guest@"
    r"|@(?:host(?:name)?|server|(?:\w+\.)*example\.\w+)$",
    re.IGNORECASE,
)
"""What shows how an address is written, and the login that RabbitMQ takes from the same machine only."""


NAMING = re.compile(r"SECRET|KEY|TOKEN|PASSWORD|PASSWD|SALT|PEPPER|PASSPHRASE|HMAC|SIGN|CREDENTIAL|\bPIN\b", re.IGNORECASE)
"""What is given to a call that verifies, beside algorithms and issuers."""

ALGORITHM = re.compile(
    r"(?:HS|RS|ES|PS)(?:256|384|512)|EdDSA|A(?:128|192|256)(?:KW|GCM|GCMKW|CBC-HS\d+)|(?:hmac-?)?sha-?\d(?:\d\d)?(?:[-_]\d{3})?"
    r"|md5|blake2[bs]|argon2(?:id?|d)?|bcrypt|scrypt|pbkdf2(?:[-_:]?(?:hmac[-_:]?)?sha\d+)?|ed25519|aes-?\d{3}(?:-?(?:gcm|cbc|ctr))?",
    re.IGNORECASE,
)
"""What says how something is signed, hashed or encrypted: everybody may know it."""

# The name of a variable, and what holds one.
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
NAMED = re.compile(
    r"(?:_env|_env_?var|_env_?key|_variable|_name|_env_name|_(?:param(?:eter)?|field|header|column|argument)_key)$",
    re.IGNORECASE,
)

# By what something of a kind is kept: `session_key`, and a name as code has them.
KEY_OF = re.compile(r"(?:\w+_)?([a-z]+)_key")
PLACE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")

TELLING = re.compile(
    rf"{NAMING.pattern}|UR[LI]|DSN|BROKER|BACKEND|DATABASE|REDIS|POSTGRES|MYSQL|MONGO|RABBIT|AMQP|QUEUE|CACHE|(?:^|_)DB",
    re.IGNORECASE,
)
"""What a variable or name is called that may hold a secret, or an address with one in it."""


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

    No secret is the salt of a serializer that signs with a key, nor that by which a password or a key is stretched; nor the
    name of an algorithm (`"HS256"`). The password in a class of settings for a database or a cache is shown there, though
    others of that name are compared with what users send.

    It makes no difference how the text gets there: by a name that holds it, a test that fills in what is empty, a validator, a
    hash of what everybody knows, `getattr(settings, …)`, or of an environment that the function was only handed. An address of
    another machine with a password in it (`postgresql://app:app@db/app`) is such a text as well. A field has a default in a
    class, too, that is filled with all variables which begin alike (`Config.model_validate(chosen)`).

    What the program shows to another server, in the headers of a request, as a secret in what it sends, or by the client of a
    library (`SmsClient(token=…)`, unless that is told of another place than usual), opens nothing here.
    But with a text in its place nobody is told that it is missing: the request goes out, and is refused far away. Texts that
    say that none is needed (`"EMPTY"`, `"not-needed"`) are left alone. Of one text or the other (`"dev" if DEBUG else ""`), the
    empty one counts, where nothing asks whether the secret is set.

    Refuse to start without it, except where the environment says that this is a developer's own machine.
    """
    reads = (*analysis.once(accesses), *analysis.once(lookups), *analysis.once(library_reads), *analysis.once(carried_reads))
    told: set[tuple[FunctionSymbol, int]] = set()
    for access in reads:
        if access.touch not in (Touch.READ, Touch.WRITE) or is_edge(access.scope.module):
            continue
        if access.touch is Touch.WRITE and not _is_defaulting(access):
            continue
        kept = kept_under(analysis, access)
        signing = any(is_read_in(each, access) for each in analysis.once(Verified).signed_with.get(access.scope, ()))
        telling = any(map(TELLING.search, (access.variable, kept, access.scope.name)))
        if not telling and not signing and kept not in analysis.once(Verified).keys:
            continue
        for each in substitutes(access):
            if _is_refused(analysis, each) or (each.scope, each.line) in told:
                continue
            if _says_how(access.variable, known_text(analysis, each.value, each.scope)):
                continue
            if any(analysis.once(Verified).is_salt(name) for name in (access.variable, kept)) or _is_salt(analysis, access):
                continue
            # A local name is nobody else's: what others call so and verify with is something of their own.
            local = kept in access.scope.assigned and access.scope.facts.sort in (PLAIN, ASYNC)
            seen = not local or kept in access.scope.facts.globals or analysis.once(Verified).is_in(access.scope, kept)
            if kept and seen and not _is_of_others(access) and _is_let_in_by(analysis, kept, each):
                told.add((each.scope, each.line))
                yield _used(each.scope, each.line, each.column, access.variable, kept)
            elif signing and not _is_of_others(access) and _opens(analysis, access, each):
                told.add((each.scope, each.line))
                yield _used(each.scope, each.line, each.column, access.variable, access.variable)
            elif (asked := _is_asked_for(analysis, access, each)) is not None:
                told.add((each.scope, each.line))
                yield _used(each.scope, each.line, each.column, access.variable or kept or asked, asked)
            elif (step := _sent(analysis, access, kept, each)) is not None:
                told.add((each.scope, each.line))
                yield _shown(each, access.variable or kept, step)
            elif (name := _secret_of(access, kept)) and is_known_to_all(analysis, each.value, each.scope):
                told.add((each.scope, each.line))
                yield _sighting(each.scope, each.line, each.column, name)
            elif _holds_known_login(analysis, each):
                told.add((each.scope, each.line))
                yield _login(each, access.variable)
    for name, one in declared_defaults(analysis):
        if _is_refused(analysis, one) or not is_known_to_all(analysis, one.value, one.scope):
            continue
        if _says_how(name, known_text(analysis, one.value, one.scope)) or analysis.once(Verified).is_salt(name):
            continue
        if _is_let_in_by(analysis, name, one):
            yield _used(one.scope, one.line, one.column, name, name)
        elif _is_own_secret(name):
            yield _sighting(one.scope, one.line, one.column, name)
    for module in analysis.modules:
        if is_edge(module):
            continue
        for kind in module.classes:
            order, _ = analysis.program.order(kind)
            of_settings = any(last_name(base) == "BaseSettings" for above in order for base in above.facts.bases)
            if not of_settings and kind not in analysis.once(filled_from_all):
                continue
            given = [
                (last_name(field.target) or "", Substitute(default, kind.body, field.line, field.column))
                for field in kind.body.facts.assignments
                if (default := _field_default(kind.body, field.value)) is not None
            ]
            for name, one in (*given, *fields_filled_in(kind)):
                unread = not analysis.program.once(NamesUsed).is_named(name)
                if unread or _is_judged(order, name) or _is_refused(analysis, one):
                    continue
                if _says_how(name, known_text(analysis, one.value, one.scope)) or analysis.once(Verified).is_salt(name):
                    continue
                if not is_login_elsewhere(name, kind) and _is_let_in_by(analysis, name, one):
                    yield _used(one.scope, one.line, one.column, name, name)
                elif is_credential(name) and (step := analysis.once(SentCredentials).of_field(name, kind)) is not None:
                    if is_made_up(analysis, one):
                        yield _shown(one, name, step)
                elif _is_own_secret(name) and is_known_to_all(analysis, one.value, one.scope):
                    yield _sighting(one.scope, one.line, one.column, name)
                elif _holds_known_login(analysis, one):
                    yield _login(one, name)


def _says_how(name: str, text: str | None) -> bool:
    """`token_env: str = "SERVICE_TOKEN"` says which variable holds the secret, and "HS256" how something is signed with it."""
    if text is None:
        return False
    place = KEY_OF.fullmatch(name.lower())
    if place is not None and PLACE.fullmatch(text) and place[1] in text.split("_") and not NAMING.search(text):
        return True  # `pool_key: str = "db_pool"`: under what name the pool lies
    return ALGORITHM.fullmatch(text) is not None or (VARIABLE.fullmatch(text) is not None and NAMED.search(name) is not None)


def _is_salt(analysis: Analysis, access: Access) -> bool:
    """`URLSafeSerializer(key, salt=os.getenv("SALT", "links"))`"""
    given = analysis.once(_salts).get(access.scope, ())
    return bool(SALT.search(access.variable)) and any(is_read_in(each, access) for each in given)


def _salts(analysis: Analysis) -> dict[FunctionSymbol, list[Expression]]:
    found: dict[FunctionSymbol, list[Expression]] = {}
    for scope, salt in salts_given(analysis):
        found.setdefault(scope, []).append(salt)
    return found


def _is_let_in_by(analysis: Analysis, kept: str, given: Substitute) -> bool:
    """Somebody is let in by what has a text in its place: a known one, or none at all, which nobody looks for."""
    verified = analysis.once(Verified)
    if NAMING.search(kept) is None and kept not in verified.keys:
        return False
    if kept not in verified.names:
        return False
    if is_known_to_all(analysis, given.value, given.scope):
        return True
    return given.value in (("string", ""), ("constant", "bytes", "")) and kept not in verified.tested


def _is_defaulting(access: Access) -> bool:
    """`os.environ.setdefault("SECRET_KEY", "x")`."""
    call = call_of(access.scope, access.mention)
    return call is not None and last_name(call.callee) == "setdefault"


def _is_asked_for(analysis: Analysis, access: Access, given: Substitute) -> str | None:
    """Somebody is let in by what a function gives, or by what is compared right where it is read: what that is called."""
    verified, scope = analysis.once(Verified), access.scope
    known = is_known_to_all(analysis, given.value, given.scope)
    others = compared_with(access) if NAMING.search(access.variable) and (known or given.value == EMPTY) else []
    if others and (known or not _is_looked_for(analysis, access, others)):
        return access.variable
    name = given_by(access) if known else ""
    if NAMING.search(name) and name in (verified.names if is_like_field(scope) else verified.functions):
        return name
    return None


def _is_looked_for(analysis: Analysis, access: Access, others: list[Expression]) -> bool:
    """The function asks whether the variable is there, or whether anything was sent."""
    again = [each for each in analysis.once(accesses) if each.scope is access.scope and each.variable == access.variable]
    return len(again) > 1 or not asked_for(access.scope).isdisjoint(others)


def _holds_known_login(analysis: Analysis, given: Substitute) -> bool:
    """An address with a password in it that is written down, of another machine than this one."""
    text = known_text(analysis, given.value, given.scope)
    found = LOGIN.match(text) if text else None
    return found is not None and not LOOPBACK.fullmatch(found["host"]) and not PLACEHOLDER.search(found[0])


def _login(each: Substitute, variable: str) -> Sighting:
    message = f"without `{variable}` the program signs in with a password that everybody can read"
    return Sighting(each.scope, each.line, each.column, each.line, message, (), Mend("refuse to start without it"), CERTAIN)


def _sent(analysis: Analysis, access: Access, kept: str, given: Substitute) -> Step | None:
    """Where it is shown to another server, which knows nothing of what stands in for it."""
    if not is_credential(access.variable or kept) or not is_made_up(analysis, given):
        return None
    return analysis.once(SentCredentials).of_access(access)


def _shown(each: Substitute, name: str, step: Step) -> Sighting:
    message = f"without `{name}` another server is sent what was made up here, and nothing says that it is missing"
    return Sighting(
        each.scope, each.line, each.column, each.line, message, (step,), Mend("refuse to start without it"), CERTAIN
    )


def _used(scope: FunctionSymbol, line: int, column: int, name: str, kept: str) -> Sighting:
    message = f"`{name}` has a default that everybody can read, and `{kept}` is what others are let in or believed by"
    return Sighting(scope, line, column, line, message, (), Mend("refuse to start without it"), CERTAIN)


def _is_judged(order: tuple[ClassSymbol, ...], field: str) -> bool:
    """A validator of the class looks at the field, and raises, or makes a secret in its place."""
    for method in (one for each in order for methods in each.methods.values() for one in methods):
        makes = not MAKING_SECRETS.isdisjoint(method.called)
        if (method.facts.raises or makes) and (method.decorator_names & VALIDATING or method.name in VALIDATING):
            read = any(last_name(each.expression) == field for each in method.facts.reads)
            texts = [str(each) for each in values_of(method)]
            texts += [str(each.arguments) for each in method.facts.decorators]
            if read or any(repr(field) in text for text in texts):
                return True
    return False


def _secret_of(access: Access, kept: str) -> str:
    """The variable, or the name that has it, where that is called like a secret of the program's own."""
    if _is_own_secret(access.variable):
        return access.variable
    return kept if kept and not _is_of_others(access) and _is_own_secret(kept) else ""


def _is_of_others(access: Access) -> bool:
    """The variable is called as what a service of others has made."""
    name = access.variable.upper()
    return OUTSIDE.search(name) is not None or SERVICES.search(name) is not None


def _opens(analysis: Analysis, access: Access, given: Substitute) -> bool:
    """A text that everybody knows, or none at all, stands in for what is signed with right where it is read."""
    if is_known_to_all(analysis, given.value, given.scope):
        return True
    return given.value in (EMPTY, ("constant", "bytes", "")) and not _is_looked_for(analysis, access, [])


def _is_own_secret(name: str) -> bool:
    return SECRET.search(name.upper()) is not None and OUTSIDE.search(name.upper()) is None


# What pydantic runs on what it has made of its input, or before.
VALIDATING: Final = frozenset("model_validator field_validator validator root_validator model_post_init".split())


def _is_refused(analysis: Analysis, given: Substitute) -> bool:
    """The text, or the name that holds it, is one with which the program compares its secret."""
    refused = analysis.once(_refused)
    return given.value in refused or ("string", known_text(analysis, given.value, given.scope)) in refused


# What makes a secret that nobody knows.
MAKING_SECRETS: Final = frozenset("token_urlsafe token_hex token_bytes urandom uuid4 generate_key".split())


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


def _field_default(body: FunctionSymbol, value: Expression) -> Expression | None:
    match value:
        case ("string" | "name" | "formatted" | "operator", *_) | ("constant", "bytes", _):
            return value
        case ("lambda", int(index)):
            returned = body.module.function(index).facts.returned
            return returned[0].value if len(returned) == 1 and returned[0].value[0] == "string" else None
        case ("call", int(index)):
            call = body.facts.calls[index]
            if last_name(call.callee) in ("SecretStr", "SecretBytes", "PostgresDsn", "RedisDsn", "AnyUrl") and call.arguments:
                return call.arguments[0]
            if last_name(call.callee) == "Field":
                keywords = dict(call.keywords)
                default = call.arguments[0] if call.arguments else keywords.get("default", keywords.get("default_factory"))
                return None if default is None else _field_default(body, default)
    return None
