"""What a program signs, encrypts or lets somebody in by is found, whatever it is called; what is only used is not."""

import pytest

from netra.guard.verifying import Verified
from tests.guard.programs import analysed


def _verified(line: str, path: str = "example.py") -> Verified:
    text = f"""
        import base64, hashlib, hmac, json, jwt
        from cryptography.fernet import Fernet
        from app import settings
        def enter(given, token, body, app):
            {line}
        """
    return analysed({path: text}).once(Verified)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("return hmac.compare_digest(given, settings.HOOK)", True),
        ("return hmac.new(settings.HOOK.encode(), body)", True),
        ("return Fernet(settings.HOOK)", True),
        ("return jwt.encode(body, settings.HOOK)", True),
        ("return app.start(secret_key=settings.HOOK)", True),
        ("return json.encode(body, settings.HOOK)", False),
        ("return hashlib.new(settings.HOOK, body)", False),
        ("return app.start(title=settings.HOOK)", False),
        ("return given == settings.HOOK", False),
    ],
)
def test_what_is_signed_with_is_found_by_the_call_that_is_given_it(line: str, found: bool) -> None:
    assert ("HOOK" in _verified(line).names) is found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("return given == settings.TOKEN", True),
        ("return body and given != settings.TOKEN", True),
        ("if token != settings.TOKEN.get_secret_value(): raise ValueError", True),
        ("return settings.TOKEN == 'none'", False),
        ("return settings.TOKEN is None", False),
        ("return given < settings.TOKEN", False),
        ("return settings.TOKEN", False),
    ],
)
def test_what_is_called_like_a_secret_is_found_where_something_given_is_compared_with_it(line: str, found: bool) -> None:
    assert ("TOKEN" in _verified(line).names) is found


def test_what_a_test_verifies_says_nothing_of_the_program() -> None:
    line = "return hmac.compare_digest(given, settings.HOOK) and given == settings.TOKEN"
    assert {"HOOK", "TOKEN"} <= _verified(line).names
    assert _verified(line, "tests/test_example.py").names == frozenset()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("return not settings.TOKEN or given == settings.TOKEN", True),
        ("return given == settings.TOKEN", False),
    ],
)
def test_what_is_asked_whether_it_is_there_is_tested(line: str, found: bool) -> None:
    assert ("TOKEN" in _verified(line).tested) is found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("return jwt.decode(token, signing_key('access'))", True),
        ("return hmac.new(signing_key().encode(), body)", True),
        ("return json.loads(signing_key())", False),
    ],
)
def test_a_function_whose_answer_is_verified_with_is_known(line: str, found: bool) -> None:
    assert ("signing_key" in _verified(line).functions) is found
