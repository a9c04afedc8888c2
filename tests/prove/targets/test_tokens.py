import jwt

from netra.prove.targets.tokens import LIFETIME, signed

KEY = "a key of thirty-two bytes or more"


def test_a_token_names_its_user_and_is_signed_with_the_key() -> None:
    claims = jwt.decode(signed("user-1", KEY, scopes=["a"]), KEY, algorithms=["HS256"])
    assert claims["sub"] == "user-1"
    assert claims["scopes"] == ["a"]
    assert claims["exp"] - claims["iat"] == LIFETIME
