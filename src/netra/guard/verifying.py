"""What a program signs, encrypts or lets somebody in by, as its calls and comparisons show, whatever it is called.

`hmac.new(settings.HOOK.encode(), body)` and `compare_digest(given, settings.admin)` say more of a setting than its name does:
whoever knows its value gets in.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, dotted, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import comparisons, within
from netra.guard.salts import CALLED as CALLED_SALT
from netra.guard.salts import salt_of, salts_given
from netra.guard.symbols import External, FunctionSymbol

# Calls that are given a secret, by which others are let in or what they bring is believed.
VERIFYING: Final = frozenset(
    """compare_digest pbkdf2_hmac scrypt Fernet MultiFernet AESGCM ChaCha20Poly1305 SessionMiddleware SignedCookieSessionFactory
    URLSafeSerializer URLSafeTimedSerializer TimestampSigner Signer JWTStrategy EncryptedCookieStorage CSRFProtect
    """.split()
)
# The same, of these modules only.
OF_MODULES: Final = {
    "new": re.compile(r"hmac"),
    "digest": re.compile(r"hmac"),
    "encode": re.compile(r"jwt|jose|\w*jwt\w*"),
    "decode": re.compile(r"jwt|jose|\w*jwt\w*"),
}
# Where in such a call the secret itself stands; beside it are algorithms, issuers, and what is signed.
KEY_AT: Final = {
    **dict.fromkeys(
        """Fernet AESGCM ChaCha20Poly1305 URLSafeSerializer URLSafeTimedSerializer TimestampSigner Signer new digest
        EncryptedCookieStorage SignedCookieSessionFactory""".split(),
        0,
    ),
    **dict.fromkeys(("encode", "decode"), 1),
}
HALVES: Final = frozenset("public_key access_key access_key_id client_id app_id aws_access_key_id".split())
KEY_BY_NAME: Final = frozenset({"key", "secret", "secret_key"})
JUDGING: Final = frozenset({"compare", "choice", "not"})
# By these a framework is given what it signs with.
KEYWORDS: Final = frozenset("secret_key session_secret jwt_secret cookie_secret signing_key signing_secret".split())

# Under these names stands how something is signed, which everybody may know.
MANNERS: Final = frozenset({"algorithm", "algorithms", "digestmod", "digest_method", "hash_name"})

# What is called so is compared with what somebody has sent.
CALLED: Final = re.compile(r"TOKEN|SECRET|KEY|PASSWORD|PASSWD|PIN|PASSPHRASE", re.IGNORECASE)


# What keeps the settings of a program is called so.
KEEPING: Final = re.compile(r"(?:\w*_)?(?:settings|config|configuration|conf|cfg|options|env)", re.IGNORECASE)


class Verified:
    """The last names of what is verified with, and of what is looked at before; use `analysis.once(Verified)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._read = {scope: _names_read(scope) for scope in analysis.scopes}
        self._where: dict[str, set[FunctionSymbol]] = {}
        for scope, name in self._found():
            self._where.setdefault(name, set()).add(scope)
        self.names: frozenset[str] = frozenset(self._where)

    @lazily
    def keys(self) -> frozenset[str]:
        """The names of what stands where the secret itself does: these are secrets, whatever they are called."""
        return frozenset(
            name
            for scope, _, call in self._analysis.calls_of(*KEY_AT)
            if self._verifies(scope, call)
            for each in _keys_of(call)
            for name in _names(each, scope)
        )

    @lazily
    def signed_with(self) -> dict[FunctionSymbol, list[Expression]]:
        """What each function gives, as the secret, to calls that sign or verify, and to frameworks: `add(secret_key=…)`."""
        found: dict[FunctionSymbol, list[Expression]] = {}
        for scope, _, call in self._analysis.calls_of(*KEY_AT):
            if self._verifies(scope, call):
                found.setdefault(scope, []).extend(_keys_of(call))
        for scope, given in self._given_to_frameworks:
            found.setdefault(scope, []).append(given)
        return found

    def is_salt(self, name: str) -> bool:
        """What is called so is a salt wherever it is read, and the secret stands beside it."""
        if not CALLED_SALT.search(name) or name in self.names or name not in self._salts:
            return False
        return all(scope in self._salts[name] for scope, names in self._read.items() if name in names)

    @lazily
    def _salts(self) -> dict[str, set[FunctionSymbol]]:
        found: dict[str, set[FunctionSymbol]] = {}
        for scope, salt in salts_given(self._analysis):
            for name in _names(salt, scope):
                found.setdefault(name, set()).add(scope)
        return found

    @lazily
    def _given_to_frameworks(self) -> list[tuple[FunctionSymbol, Expression]]:
        return [
            (scope, value)
            for scope in self._analysis.scopes
            if not scope.module.in_tests
            for call in scope.facts.calls
            if call.keywords
            for keyword, value in call.keywords
            if keyword in KEYWORDS and not _signs_in(call)
        ]

    @lazily
    def functions(self) -> frozenset[str]:
        """The functions whose answers are verified with: `jwt.decode(token, signing_key())`."""
        return frozenset(
            last_name(part_call.callee) or ""
            for scope, _, call in self._analysis.calls_of(*VERIFYING, *OF_MODULES)
            if self._verifies(scope, call)
            for each in call.given
            for part in within(each, scope)
            if part[0] == "call"
            for part_call in (scope.facts.calls[part[1]],)
        )

    def is_in(self, scope: FunctionSymbol, name: str) -> bool:
        """What is called so is verified with in this very function."""
        return scope in self._where.get(name, ())

    def readers(self, naming: re.Pattern[str]) -> Iterator[FunctionSymbol]:
        """The scopes that read a name or an attribute that is called like this, in capital letters."""
        called = {name for name in self._all_read if naming.search(name.upper())}
        return (scope for scope, names in self._read.items() if not called.isdisjoint(names))

    @lazily
    def _all_read(self) -> frozenset[str]:
        return frozenset().union(*self._read.values())

    @lazily
    def tested(self) -> frozenset[str]:
        """What some test asks whether it is there: `if not settings.token: raise …`."""
        return frozenset(self._tested())

    def _found(self) -> Iterator[tuple[FunctionSymbol, str]]:
        for scope, _, call in self._analysis.calls_of(*VERIFYING, *OF_MODULES):
            if not self._verifies(scope, call):
                continue
            salt = salt_of(call, scope)
            for each in (*call.arguments, *(value for keyword, value in call.keywords if keyword not in MANNERS)):
                for one in _names(each, scope):
                    if each is not salt or not CALLED_SALT.search(one):
                        yield scope, one
        for scope, value in self._given_to_frameworks:
            yield from ((scope, one) for one in _names(value, scope))
        called = {name for name in self._all_read if CALLED.search(name)}
        for scope in self._analysis.scopes:
            if scope.module.in_tests:
                continue
            if called.isdisjoint(self._read[scope]):
                continue  # nothing that is called like a secret is read here at all: so it is with most functions
            for parts in self._compared(scope):
                for part in _of_the_program(parts, scope):
                    for name in _names(part, scope):
                        if CALLED.search(name) and name in (last_name(part), last_name(_bare(part, scope))):
                            yield scope, name

    @staticmethod
    def _verifies(scope: FunctionSymbol, call: CallSite) -> bool:
        name = last_name(call.callee) or ""
        return not scope.module.in_tests and (name not in OF_MODULES or _is_of(call.callee, OF_MODULES[name]))

    def _compared(self, scope: FunctionSymbol) -> Iterator[tuple[Expression, ...]]:
        """Both sides of `given != settings.token`, no side of which is written down."""
        tests = (test for block in scope.facts.blocks for test in block.expressions)
        for each in (*tests, *_judging(scope)):
            for parts, operators in comparisons(each):
                if operators in (("Eq",), ("NotEq",)) and not any(self._is_nobodys(part, scope) for part in parts):
                    yield parts

    def _is_nobodys(self, part: Expression, scope: FunctionSymbol) -> bool:
        """No secret that somebody shows: it is written down, or what a library has been told, `openai.api_key != key`."""
        if part[0] == "attribute" and part[1][0] == "name":
            match self._analysis.program.evaluate(part[1], scope):
                case External(dotted=path):
                    return "." not in path and not KEEPING.fullmatch(path)
        return part[0] in ("string", "constant", "none")

    def _tested(self) -> Iterator[str]:
        for scope in self._analysis.scopes:
            for call in scope.facts.calls:
                # `require("signing_secret")`: what asks for a field by its name may refuse an empty one.
                yield from (each[1] for each in call.arguments if each[0] == "string" and not each[1].isupper())
            if self.names.isdisjoint(self._read[scope]):
                continue
            for block in scope.facts.blocks:
                for each in block.expressions:
                    yield from _asked_whether(each, scope)
            for value in _judging(scope):
                if value[0] == "choice":
                    for part in value[1][:-1]:
                        yield from _asked_whether(part, scope)
            for kept in scope.facts.assignments:
                # `settings.key = key_of(settings.key)`: somebody looks after it before anybody is served.
                of_call = kept.target[0] == "attribute" and kept.value[0] == "call"
                if of_call and kept.target in scope.facts.calls[kept.value[1]].given:
                    yield kept.target[2]


def _of_the_program(parts: tuple[Expression, ...], scope: FunctionSymbol) -> list[Expression]:
    """What a comparison holds against what somebody has sent: of `key == settings.api_key` in a function that is given a `key`,
    the setting; so it is of `form.key == settings.api_key` in one that is given a `form`.
    """
    own = [part for part in parts if not (part[0] == "name" and part[1] in scope.parameters)]
    kept = [part for part in own if _is_kept(part)]
    if len(kept) == 1 and len(own) == len(parts):
        own = [part for part in own if part in kept or not _is_sent(part, scope)]
    return own or [*parts]


def _is_sent(part: Expression, scope: FunctionSymbol) -> bool:
    """`form.password`: a field of what a function is given, which is not its own object and holds no settings."""
    root = _root(part)
    given = root[0] == "name" and root[1] in scope.parameters and root[1] not in ("self", "cls")
    return given and part != root and not KEEPING.fullmatch(root[1])


def _is_kept(part: Expression) -> bool:
    """`settings.security.password`: a setting that is called like a secret."""
    root = _root(part)
    return root[0] == "name" and part != root and _is_called_secret(part) and KEEPING.fullmatch(root[1]) is not None


def _is_called_secret(part: Expression) -> bool:
    return CALLED.search(last_name(part) or "") is not None


def _root(part: Expression) -> Expression:
    while part[0] == "attribute":
        part = part[1]
    return part


def _names_read(scope: FunctionSymbol) -> frozenset[str]:
    """The names and attributes that are read in a scope, those of which a method is called among them."""
    facts = scope.facts
    called = [call.callee[1] for call in facts.calls if call.callee[0] == "attribute"]
    read = [each.expression[2] for each in facts.reads]
    return frozenset([*facts.loads, *read, *[each[2] for each in called if each[0] == "attribute"]])


def _judging(scope: FunctionSymbol) -> Iterator[Expression]:
    """What is assigned, returned and given to calls that compares or chooses."""
    values = (each.value for part in (scope.facts.assignments, scope.facts.returned) for each in part)
    yield from (each for each in values if each[0] in JUDGING)
    yield from (each for call in scope.facts.calls for each in call.arguments if each[0] in JUDGING)


def _is_of(callee: Expression, module: re.Pattern[str]) -> bool:
    path = dotted(callee) or ""
    return any(module.fullmatch(part) for part in path.split(".")[:-1])


def _signs_in(call: CallSite) -> bool:
    """It is given two halves of a credential: the program is the client of somebody else, who has made both."""
    return any(keyword in HALVES for keyword, _ in call.keywords)


def _keys_of(call: CallSite) -> Iterator[Expression]:
    """What stands in the place of the secret."""
    place = KEY_AT[last_name(call.callee) or ""]
    yield from call.arguments[place : place + 1]
    yield from (value for keyword, value in call.keywords if keyword in KEY_BY_NAME)


def _bare(part: Expression, scope: FunctionSymbol) -> Expression:
    """`settings.token` of `settings.token.get_secret_value()`, and `TOKEN` of `f"Bearer {TOKEN}"`."""
    if part[0] == "formatted":
        held = [each for each in part[1] if each[0] != "string"]
        return tuple(held[0]) if len(held) == 1 else part
    if part[:2] == ("operator", "+") and part[2][0] == "string":
        return tuple(part[3])
    if part[0] == "call" and scope.facts.calls[part[1]].callee[0] == "attribute":
        return tuple(scope.facts.calls[part[1]].callee[1])
    return part


def _names(expression: Expression, scope: FunctionSymbol) -> Iterator[str]:
    match expression:
        case ("name", str(name)):
            yield name
            yield from _setting_in(name, scope)
        case ("attribute", inner, str(name)):
            yield name
            if inner[0] != "name":
                yield from _names(inner, scope)
        case ("subscript", _, ("string", str(key))):
            yield key
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[0] == "attribute":
                yield from _names(call.callee[1], scope)
            for each in call.given:
                yield from _names(each, scope)
        case ("operator", _, *parts) | ("formatted" | "list" | "tuple" | "choice", parts):
            for each in parts:
                yield from _names(each, scope)


def _setting_in(name: str, scope: FunctionSymbol) -> Iterator[str]:
    """`HOOK` of `key = settings.HOOK.encode()`, and of `key = app.config["HOOK"]`: a name of the function has a setting."""
    given = scope.assigned.get(name, ()) if scope.facts.sort in (PLAIN, ASYNC) else ()
    match [each.value for each in given if each.how in ("=", "annotated")]:
        case [only] if len(given) == 1:
            value = only
            while value[0] == "call" and (callee := scope.facts.calls[value[1]].callee)[0] == "attribute":
                if callee[2] == "get":
                    value = ("subscript", callee[1], *scope.facts.calls[value[1]].arguments[:1])
                    break
                value = callee[1]
            match value:
                case ("attribute", held, str(kept)) | ("subscript", held, ("string", str(kept))):
                    if KEEPING.fullmatch(_called(held, scope)):
                        yield kept


def _called(held: Expression, scope: FunctionSymbol) -> str:
    """What an object of settings is called: `settings()`, `self.settings`, `request.app[SETTINGS]`, `app["settings"]`."""
    match held:
        case ("call", int(index)):
            return last_name(scope.facts.calls[index].callee) or ""
        case ("subscript", _, ("string", str(key))):
            return key
        case ("subscript", _, key):
            return last_name(key) or ""
    return last_name(held) or ""


def _asked_whether(expression: Expression, scope: FunctionSymbol) -> Iterator[str]:
    match expression:
        case ("name", str(name)):
            yield name
            yield from _setting_in(name, scope)
        case ("attribute", _, str(name)):
            yield name
        case ("not", inner):
            yield from _asked_whether(inner, scope)
        case ("choice", parts):
            for part in parts:
                yield from _asked_whether(part, scope)
        case ("compare", (left, *_), _):
            yield from _asked_whether(left, scope)
        case ("call", int(index)) if last_name(scope.facts.calls[index].callee) not in VERIFYING:
            yield from _names(expression, scope)
