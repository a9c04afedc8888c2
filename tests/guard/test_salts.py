"""A salt that stands beside the secret may be known."""

import pytest

from netra.guard.salts import salts_given
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("call", "salt"),
    [
        ("URLSafeSerializer(app.secret_key, salt=SALT)", True),
        ("TimestampSigner(salt=SALT)", True),
        ("URLSafeSerializer('', salt=SALT)", False),
        ("URLSafeSerializer(SALT)", False),
        ("signing.dumps(user, salt=SALT)", True),
        ("json.dumps(user, salt=SALT)", False),
        ("hashlib.pbkdf2_hmac('sha256', password.encode(), SALT, 10)", True),
        ("hashlib.scrypt(user.api_key.encode(), salt=SALT)", True),
        ("hashlib.pbkdf2_hmac('sha256', number.encode(), SALT, 10)", False),
        ("hmac.new(SALT, password)", False),
    ],
)
def test_the_secret_stands_beside_it(call: str, *, salt: bool) -> None:
    analysis = analysed(f"import hashlib, hmac, json\ndef f(app, user, password, number):\n    return {call}\n")
    given = [expression for _, expression in salts_given(analysis)]
    assert given == ([("name", "SALT")] if salt else [])
