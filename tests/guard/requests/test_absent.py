"""`netra.guard.requests.absent`: what a part of a request is that the client has left out."""

import pytest

from netra.guard.facts import NOTHING
from netra.guard.requests.absent import absent
from tests.guard.programs import analysed, function


@pytest.mark.parametrize(
    ("value", "gives"),
    [
        ('request.headers.get("X")', NOTHING),
        ('request.headers.get("X", "")', ("string", "")),
        ('request.headers.get("X", "").strip()', ("string", "")),
        ('request.headers.get("X") or ""', ("string", "")),
        ('request.headers["X"]', None),
        ('settings.get("X")', None),
        ("header", NOTHING),
        ("plain", None),
    ],
)
def test_what_is_left_out_is_what_the_request_gives_for_it(value: str, gives: object) -> None:
    text = f"""
        from fastapi import Header
        def asked(request, settings, plain, header=Header(None)):
            return {value}
        """
    analysis = analysed(text)
    scope = function(analysis.program, "example.asked")
    found = absent(scope.facts.returned[0].value, scope, analysis)
    assert (None if found is None else found.gives) == gives
