"""What an OpenID provider says about somebody, read out of its ID token and believed only after every check. No I/O.

Source of the checks: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from netra.errors import Unauthenticated
from netra.protocols.value import objection

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures that only the provider can make. Neither `none`, which anybody can, nor the HS ones, whose key we hold, too: a
public key taken for such a key is how forged tokens get in."""

KEY_TYPES: Final[Mapping[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

LEEWAY: Final = 60
"""Seconds that the provider's clock and ours may differ."""

LONGEST_SUBJECT: Final = 255
"""Characters (OpenID Connect Core, section 2)."""


class InvalidIdToken(Unauthenticated):
    """What the sign-in provider sent does not prove who you are."""

    code = "invalid_id_token"


class UnknownSigner(InvalidIdToken):
    """The ID token names a key that was not among the provider's when they were read."""


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """The provider's keys that sign. One that is of another kind, or broken, is left out, as RFC 7517 wants it."""
    keys: list[Key] = []
    listed = document.get("keys")
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict) or item.get("use", "sig") != "sig":
            continue
        kind = KEY_TYPES.get(str(item.get("kty")))
        try:
            if kind is not None:
                keys.append(kind.import_key(item))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)


def verify(token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: datetime) -> dict[str, Any]:
    """Return the claims of `token`. Raises `InvalidIdToken`, or `UnknownSigner` when newer keys may know better."""
    try:
        headers = jws.extract_compact(token.encode()).headers()
        key = keys.get_by_kid(headers.get("kid"))
    except InvalidKeyIdError as error:
        raise UnknownSigner from error
    except (JoseError, ValueError, AttributeError, TypeError) as error:
        raise InvalidIdToken from error
    expected = jwt.JWTClaimsRegistry(
        int(now.timestamp()),
        LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, key, ALGORITHMS).claims
        expected.validate(claims)
    except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidIdToken from error
    # The registry also takes a list that holds the value.
    if claims["nonce"] != nonce:
        raise InvalidIdToken
    audience, party = claims["aud"], claims.get("azp")
    # A token that was made for several parties says which of them asked for it, and that has to be us.
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, client_id):
        raise InvalidIdToken
    if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT or objection(claims["sub"]):
        raise InvalidIdToken
    return claims
