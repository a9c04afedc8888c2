"""What is only a salt: it stands beside the secret, and may be known.

The `salt=` of a serializer that signs keeps what one part of the program signs from another; the key is what nobody may know.
So it is where a password or a key is stretched: the salt makes tables useless that somebody has worked out before.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, dotted, last_name
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol

# These sign with a key, which is their first argument, or the one of the framework.
SERIALIZERS: Final = frozenset(
    """Signer TimestampSigner Serializer TimedSerializer URLSafeSerializer URLSafeTimedSerializer JSONWebSignatureSerializer
    TimedJSONWebSignatureSerializer
    """.split()
)
# Functions of a module called `signing` that sign with the key of the framework.
SIGNING: Final = frozenset({"dumps", "loads", "get_cookie_signer"})
# Where what is stretched stands, and where the salt does.
STRETCHING: Final = {"pbkdf2_hmac": (1, 2), "scrypt": (0, 1)}
# What only its owner knows.
KNOWN_TO_ONE: Final = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|KEY|\bPIN\b", re.IGNORECASE)

# What is called so is a salt, whatever else it may be given to; a pepper is none.
CALLED: Final = re.compile(r"SALT", re.IGNORECASE)

NAMES: Final = frozenset({"name", "attribute"})


def salt_of(call: CallSite, scope: FunctionSymbol) -> Expression | None:
    """What a call is given as a salt, where the secret stands beside it."""
    name, keywords = last_name(call.callee) or "", dict(call.keywords)
    if name in SERIALIZERS:
        key = call.arguments[0] if call.arguments else keywords.get("secret_key", keywords.get("key"))
        return None if key is not None and _is_written_down(key) else keywords.get("salt")
    if name in SIGNING:
        return keywords.get("salt") if "signing" in (dotted(call.callee) or "").split(".")[:-1] else None
    if name in STRETCHING:
        at, salt_at = STRETCHING[name]
        stretched = call.arguments[at] if at < len(call.arguments) else keywords.get("password")
        salt = call.arguments[salt_at] if salt_at < len(call.arguments) else keywords.get("salt")
        return salt if stretched is not None and _is_known_to_one(stretched, scope) else None
    return None


def salts_given(analysis: Analysis) -> Iterator[tuple[FunctionSymbol, Expression]]:
    """Each salt that a function of the program gives to a call, beside the secret."""
    for scope, _, call in analysis.calls_of(*SERIALIZERS, *SIGNING, *STRETCHING):
        if not scope.module.in_tests and (salt := salt_of(call, scope)) is not None:
            yield scope, salt


def _is_written_down(key: Expression) -> bool:
    return key[0] in ("string", "none") or key[:2] == ("constant", "bytes")


def _is_known_to_one(stretched: Expression, scope: FunctionSymbol) -> bool:
    """`password.encode()`, `user.api_key`: not the number of an order, which others know as well."""
    return any(KNOWN_TO_ONE.search(last_name(each) or "") for each in within(stretched, scope) if each[0] in NAMES)
