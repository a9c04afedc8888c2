"""`netra.guard.unset`: secrets that are None when nobody has set them, and what they are compared with."""

import pytest

from netra.guard.unset import unset_secrets
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("test", "variables"),
    [
        ("sent == os.getenv('A_SECRET')", ["A_SECRET"]),
        ("sent == os.getenv('A_SECRET', 'x')", []),
        ("sent == os.getenv('A_MODE')", []),
        ("sent == os.environ['A_SECRET']", []),
        ("sent == TOKEN", ["B_TOKEN"]),
        ("request.headers.get('X', '') == TOKEN", []),
        ("request.headers.get('X', '') == f'Bearer {TOKEN}'", ["B_TOKEN"]),
        ("bool(TOKEN) and sent == TOKEN", []),
        ("compare_digest(sent, TOKEN)", []),
    ],
)
def test_a_missing_secret_is_equal_to_a_missing_header(test: str, variables: list[str]) -> None:
    text = f"""
        import os
        from hmac import compare_digest
        TOKEN = os.environ.get("B_TOKEN")
        def lets_in(request):
            sent = request.headers.get("X")
            return {test}
        """
    assert [each.variable for each in unset_secrets(analysed(text))] == variables
