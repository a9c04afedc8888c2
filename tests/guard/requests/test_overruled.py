"""Where the client's word goes before who is signed in, or stands in the place of that; and where it may."""

import pytest

from netra.guard.requests.overruled import FIRST, overruled
from tests.guard.programs import analysed

FLASK = """
from flask import Flask, request
from flask_jwt_extended import get_jwt_identity, jwt_required

app = Flask(__name__)


@app.post("/threads")
@jwt_required()
def threads():
"""


def _found(*lines: str) -> list[tuple[str, str]]:
    text = FLASK + "\n".join(f"    {line}" for line in lines)
    return [(each.claim, each.what) for each in overruled(analysed(text))]


@pytest.mark.parametrize(
    "lines",
    [
        ("return store.of(request.args.get('user_id') or get_jwt_identity())",),
        ("me = get_jwt_identity()", "return store.of(request.args.get('user_id', me))"),
        (
            "owner = get_jwt_identity()",
            "if request.json['user_id']:",
            "    owner = request.json['user_id']",
            "return store.of(owner)",
        ),
        (
            "owner = get_jwt_identity()",
            "if 'user_id' in request.args:",
            "    owner = int(request.args['user_id'])",
            "return store.of(owner)",
        ),
    ],
)
def test_the_client_goes_before_who_is_signed_in(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == [("user_id", FIRST)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("return store.of(get_jwt_identity() or request.args.get('user_id'))",), id="asked last"),
        pytest.param(("return store.of(request.args.get('user_id') or 'nobody')",), id="nobody is signed in"),
        pytest.param(("return store.of(lookup('user_id') or get_jwt_identity())",), id="not of the client"),
        pytest.param(("return people.public(request.args.get('user_id') or get_jwt_identity())",), id="public"),
        pytest.param(
            ("if not is_admin():", "    return None", "return store.of(request.args.get('user_id') or get_jwt_identity())"),
            id="of those who may",
        ),
    ],
)
def test_the_client_may_choose_where_that_overrules_nobody(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("get_jwt_identity()", "return store.of(request.json['user_id'])"), [("user_id", "store.of(…)")]),
        (
            ("me = get_jwt_identity()", "if me is None:", "    return None", "return store.of(request.json['user_id'])"),
            [("user_id", "store.of(…)")],
        ),
        (("me = get_jwt_identity()", "return store.of(me, request.json['user_id'])"), []),
        (("get_jwt_identity()", "return store.of(request.json['colour'])"), []),
    ],
)
def test_who_is_found_out_and_dropped_gives_way_to_the_client(lines: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert _found(*lines) == expected


@pytest.mark.parametrize(("place", "expected"), [("author", [("author", "store.post(…)")]), ("topic", [])])
def test_a_route_that_knows_who_does_it_says_that_somebody_else_has(place: str, expected: list[tuple[str, str]]) -> None:
    lines = ("store.seen(get_jwt_identity())", f"return store.post({place}=request.json['author'])")
    assert _found(*lines) == expected


@pytest.mark.parametrize(("told", "expected"), [("get_jwt_identity()", [("owner_id", "kept(…)")]), ("'all'", [])])
def test_a_function_that_others_tell_who_is_signed_in_is_told_by_the_client(told: str, expected: list[tuple[str, str]]) -> None:
    text = f"""
        from flask import Flask, request
        from flask_jwt_extended import get_jwt_identity

        app = Flask(__name__)

        def kept(owner_id): return store.of(owner_id)

        @app.get("/mine")
        def mine(): return kept({told})

        @app.get("/theirs")
        def theirs(): return kept(request.args["owner_id"])
        """
    assert [(each.claim, each.what) for each in overruled(analysed(text))] == expected
