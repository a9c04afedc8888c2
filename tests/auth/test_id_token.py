"""An ID token is believed only when everything about it is right."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey

from netra.auth.id_token import InvalidIdToken, UnknownSigner, read_keys, verify

ISSUER, CLIENT, NONCE = "https://idp.example", "netra", "n-0S6"
SIGNER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = ECKey.generate_key("P-256", {"kid": "two"})
PUBLISHED = read_keys(KeySet([SIGNER, OTHER]).as_dict(private=False))
NOW = 1_767_225_600.0  # the same in every test process, which have to agree on the names of examples


def claims(**changes: Any) -> dict[str, Any]:
    made = {"iss": ISSUER, "sub": "carol", "aud": CLIENT, "iat": int(NOW), "exp": int(NOW) + 300, "nonce": NONCE, **changes}
    return {name: value for name, value in made.items() if value is not ...}


def signed(made: dict[str, Any], key: Key = SIGNER, alg: str = "RS256", **header: Any) -> str:
    # Escaped as JSON can be, so that half a surrogate pair arrives.
    return jws.serialize_compact({"alg": alg, "kid": "one", **header}, json.dumps(made), key, [alg])


def believe(token: str, keys: KeySet = PUBLISHED) -> dict[str, Any]:
    return verify(token, keys, issuer=ISSUER, client_id=CLIENT, nonce=NONCE, now=datetime.fromtimestamp(NOW, UTC))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
        {"azp": CLIENT},
        {"exp": int(NOW) - 30},  # clocks differ
        {"iat": int(NOW) + 30},
        {"email": "carol@example.com", "unheard_of": [1]},
    ],
    ids=str,
)
def test_a_right_token_says_who_it_is_about(changes: dict[str, Any]) -> None:
    assert believe(signed(claims(**changes)))["sub"] == "carol"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": ...},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": ...},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"azp": 7},
        {"exp": int(NOW) - 120},
        {"exp": ...},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"iat": int(NOW) + 600},
        {"iat": ...},
        {"nbf": int(NOW) + 600},
        {"nonce": "another"},
        {"nonce": [NONCE, "another"]},
        {"nonce": ""},
        {"nonce": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["carol"]},
        {"sub": "x" * 256},
        {"sub": "carol\0"},
        {"sub": "\ud800"},
    ],
    ids=repr,
)
def test_a_token_with_one_thing_wrong_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdToken) as refused:
        believe(signed(claims(**changes)))
    assert not isinstance(refused.value, UnknownSigner)


def test_a_signature_that_anybody_could_make_is_none() -> None:
    # joserfc itself refuses to make this one: the public key taken for the secret of an HMAC.
    secret = OctKey.import_key("a secret as long as an HMAC of SHA-256 wants it")
    by_hmac, _, _ = signed(claims(), secret, "HS256").rpartition(".")
    mac = hmac.digest(SIGNER.as_pem(private=False), by_hmac.encode(), "sha256")
    plain = urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")
    forged = RSAKey.generate_key(2048)
    header, body, signature = signed(claims()).split(".")
    _, other_body, _ = signed(claims(sub="dave")).split(".")
    for token in (
        f"{by_hmac}.{urlsafe_b64encode(mac).decode().rstrip('=')}",
        f"{plain}.{body}.",
        signed(claims(), forged),
        signed(claims(), OTHER, "ES256"),  # another key under this one's name
        f"{header}.{body}.",
        f"{header}.{other_body}.{signature}",
        f"{header}.{body}",
    ):
        with pytest.raises(InvalidIdToken):
            believe(token)


def test_a_key_that_is_not_known_may_be_newer() -> None:
    with pytest.raises(UnknownSigner):
        believe(signed(claims(), kid="three"))
    # Without a name there has to be one key only.
    unnamed = jwt.encode({"alg": "RS256"}, claims(), SIGNER, ["RS256"])
    with pytest.raises(UnknownSigner):
        believe(unnamed)
    assert believe(unnamed, KeySet([SIGNER]))["sub"] == "carol"


@pytest.mark.parametrize("alg", ["PS256", "RS512", "ES256", "Ed25519"])
def test_every_asymmetric_signature_counts(alg: str) -> None:
    key: Key = SIGNER if "S" in alg and alg[0] in "PR" else OTHER if alg == "ES256" else OKPKey.generate_key("Ed25519")
    assert believe(jwt.encode({"alg": alg}, claims(), key, [alg]), KeySet([key]))["sub"] == "carol"


@given(st.one_of(st.text(), st.lists(st.text(), min_size=3, max_size=3).map(".".join)))
def test_nothing_made_up_is_believed_or_breaks_the_reader(token: str) -> None:
    with pytest.raises(InvalidIdToken):
        believe(token)


def test_keys_that_do_not_sign_or_cannot_be_read_are_left_out() -> None:
    good = SIGNER.as_dict(private=False)
    document = {
        "keys": [
            good,
            {**good, "kid": "for encryption", "use": "enc"},
            OctKey.generate_key().as_dict(private=True),
            {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
            {"kty": "AKP", "kid": "of the future"},
            "no key at all",
        ]
    }
    assert [key.kid for key in read_keys(document)] == ["one"]
    strange: list[dict[str, Any]] = [{}, {"keys": None}, {"keys": {}}, {"keys": []}]
    assert not any(map(read_keys, strange))


VALUES = st.none() | st.sampled_from(["RSA", "EC", "OKP", "oct", "sig"]) | st.text() | st.integers()
MEMBERS = st.dictionaries(st.sampled_from(["kty", "use", "n", "e", "x", "y", "crv", "kid", "d"]), VALUES)


@given(st.dictionaries(st.just("keys"), VALUES | st.lists(VALUES | MEMBERS)))
def test_no_set_of_keys_is_too_strange_to_be_read(document: dict[str, Any]) -> None:
    read_keys(document)
