"""Access tokens: what ours prove, and that nothing else proves anything."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netra.auth.keys import KeyPair, thumbprint
from netra.auth.sign_in import AUDIENCE, SignIn
from netra.auth.tokens import MAX_LENGTH
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId, new_uuid
from netra.testing.clock import ManualClock
from tests.fixtures.sign_in import ISSUER

USER, SESSION = UserId(new_uuid()), SessionId(new_uuid())


def encode(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims(clock: ManualClock, **changed: Any) -> dict[str, Any]:
    """Valid claims, but for what is changed; None takes one away."""
    now = int(clock.now().timestamp())
    valid = {
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + 900,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": "1",
        "typ": "access",
    }
    return {name: value for name, value in {**valid, **changed}.items() if value is not None}


def sign(key: KeyPair, body: dict[str, Any], **header: Any) -> str:
    return jwt.encode(body, key.private, algorithm="EdDSA", headers={"kid": key.kid, **header})


async def test_a_token_proves_user_and_session_until_it_expires(sign_in: SignIn, clock: ManualClock) -> None:
    token = sign_in.tokens.issue(await sign_in.keys.signing(), USER, SESSION)
    proved = await sign_in.tokens.verify(token)
    assert (proved.user_id, proved.session_id) == (USER, SESSION)
    assert 899 <= (proved.expires_at - clock.now()).total_seconds() <= 900
    clock.advance(898)
    await sign_in.tokens.verify(token)
    clock.advance(2)
    with pytest.raises(Unauthenticated):
        await sign_in.tokens.verify(token)


async def test_a_token_has_the_documented_claims_and_no_role_or_plan(sign_in: SignIn) -> None:
    token = sign_in.tokens.issue(await sign_in.keys.signing(), USER, SESSION)
    body = jwt.decode(token, options={"verify_signature": False})
    assert set(body) == {"sub", "sid", "iat", "exp", "iss", "aud", "jti", "typ"}
    assert (body["iss"], body["aud"], body["typ"]) == (ISSUER, AUDIENCE, "access")
    assert body["exp"] - body["iat"] == 900
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"
    assert len(token) < MAX_LENGTH / 2


async def test_two_tokens_of_one_session_have_two_ids(sign_in: SignIn) -> None:
    key = await sign_in.keys.signing()
    tokens = [jwt.decode(sign_in.tokens.issue(key, USER, SESSION), options={"verify_signature": False}) for _ in range(2)]
    assert tokens[0]["jti"] != tokens[1]["jti"]


async def test_a_token_of_a_retired_key_verifies(sign_in: SignIn) -> None:
    token = sign_in.tokens.issue(await sign_in.keys.signing(), USER, SESSION)
    await sign_in.keys.rotate()
    assert (await sign_in.tokens.verify(token)).user_id == USER


Forgery = Callable[[KeyPair, ManualClock], str]


def hmac_with_the_public_key(form: Encoding) -> Forgery:
    """A token signed HS256 with our public key as the secret, which a verifier that believes `alg` would accept."""

    def forge(key: KeyPair, clock: ManualClock) -> str:
        formats = {Encoding.PEM: PublicFormat.SubjectPublicKeyInfo, Encoding.Raw: PublicFormat.Raw}
        secret = key.public.public_bytes(form, formats[form])
        signed = encode({"alg": "HS256", "typ": "JWT", "kid": key.kid}) + "." + encode(claims(clock))
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()

    return forge


def foreign_key(key: KeyPair, clock: ManualClock) -> str:
    return jwt.encode(claims(clock), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": key.kid})


def key_in_its_own_header(key: KeyPair, clock: ManualClock) -> str:
    private = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).rstrip(b"=").decode()
    header = {"kid": key.kid, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}
    return jwt.encode(claims(clock), private, algorithm="EdDSA", headers=header)


def with_claims(**changed: Any) -> Forgery:
    return lambda key, clock: sign(key, claims(clock, **changed))


def with_kid(kid: Any) -> Forgery:
    def forge(key: KeyPair, clock: ManualClock) -> str:
        # By hand, for PyJWT would not write some of these.
        signed = encode({"alg": "EdDSA", "kid": kid}) + "." + encode(claims(clock))
        return signed + "." + base64.urlsafe_b64encode(key.private.sign(signed.encode())).rstrip(b"=").decode()

    return forge


def unsigned(alg: str) -> Forgery:
    return lambda key, clock: encode({"alg": alg, "kid": key.kid}) + "." + encode(claims(clock)) + "."


def claims_changed_after_signing(key: KeyPair, clock: ManualClock) -> str:
    head, _, tail = sign(key, claims(clock)).split(".")
    return ".".join([head, encode(claims(clock, sub=str(new_uuid()))), tail])


FORGERIES: dict[str, Forgery] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg EdDSA, no signature": unsigned("EdDSA"),
    "HS256 with the public key as PEM": hmac_with_the_public_key(Encoding.PEM),
    "HS256 with the public key as bytes": hmac_with_the_public_key(Encoding.Raw),
    "somebody else's key under our kid": foreign_key,
    "its own key in its header": key_in_its_own_header,
    "claims changed after signing": claims_changed_after_signing,
    "kid is a path": with_kid("../../../../dev/null"),
    "kid is SQL": with_kid("x' UNION SELECT 'key"),
    "kid is a URL": with_kid("https://evil.example/jwks.json"),
    "kid is a list": with_kid(["a"]),
    "kid is null": with_kid(None),
    "unknown critical header": lambda key, clock: sign(key, claims(clock), crit=["exp"]),
    "another issuer": with_claims(iss="http://evil.example"),
    "another audience": with_claims(aud="other"),
    "audience is a list": with_claims(aud=["other", AUDIENCE]),
    "another type": with_claims(typ="refresh"),
    "expired": with_claims(exp=1),
    "expires now": lambda key, clock: sign(key, claims(clock, exp=int(clock.now().timestamp()))),
    "expires in year one million": with_claims(exp=10**14),
    "expires at true": with_claims(exp=True),
    "expires at a text": with_claims(exp="9999999999"),
    "expires at a fraction": with_claims(exp=9999999999.5),
    "issued at a text": with_claims(iat="now"),
    "subject is a number": with_claims(sub=7),
    "subject is no id": with_claims(sub="admin"),
    "session is no id": with_claims(sid="' OR true --"),
    "session is a list": with_claims(sid=[str(SESSION)]),
    **{f"no {name}": with_claims(**{name: None}) for name in ("sub", "sid", "iat", "exp", "iss", "aud", "jti", "typ")},
    "too long": lambda key, clock: sign(key, claims(clock, padding="x" * MAX_LENGTH)),
    "a second signature": lambda key, clock: sign(key, claims(clock)) + ".x",
    "spaces": lambda key, clock: " " + sign(key, claims(clock)),
    "not a token": lambda key, clock: "garbage",
    "nothing": lambda key, clock: "",
    "two dots": lambda key, clock: "..",
    "not ASCII": lambda key, clock: sign(key, claims(clock)) + "é",
    "a lone surrogate": lambda key, clock: "\ud800.\ud800.\ud800",
    "a header that is a list": lambda key, clock: f"{encode([])}.{encode(claims(clock))}.AAAA",
    "claims that are a list": lambda key, clock: f"{encode({'alg': 'EdDSA', 'kid': key.kid})}.{encode([])}.AAAA",
    "very nested": lambda key, clock: base64.urlsafe_b64encode(b"[" * 1200).rstrip(b"=").decode() + ".e30.AAAA",
}


async def test_a_forged_token_proves_nothing_and_says_nothing(sign_in: SignIn, clock: ManualClock) -> None:
    key = await sign_in.keys.signing()
    await sign_in.tokens.verify(sign(key, claims(clock)))  # the pattern that every forgery departs from is valid
    answers = {}
    for name, forge in FORGERIES.items():
        try:
            answers[name] = str(await sign_in.tokens.verify(forge(key, clock)))
        except Unauthenticated as refused:
            answers[name] = f"{refused.code}: {refused.detail} {refused.extra} {refused.__cause__}"
    same = f"unauthenticated: {Unauthenticated().detail} {{}} None"
    assert {name: answer for name, answer in answers.items() if answer != same} == {}


async def test_a_token_of_a_key_that_was_never_ours_is_refused_after_one_more_look(sign_in: SignIn, clock: ManualClock) -> None:
    clock.advance(10)  # so that the look need not wait
    private = Ed25519PrivateKey.generate()
    token = jwt.encode(claims(clock), private, algorithm="EdDSA", headers={"kid": thumbprint(private.public_key())})
    with pytest.raises(Unauthenticated):
        await sign_in.tokens.verify(token)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_token_with_any_character_changed_is_refused(sign_in: SignIn, clock: ManualClock, data: st.DataObject) -> None:
    token = sign(await sign_in.keys.signing(), claims(clock))
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != token[place]))
    clock.advance(2)  # a changed key id may be looked up, once a second
    with pytest.raises(Unauthenticated):
        await sign_in.tokens.verify(token[:place] + other + token[place + 1 :])
