"""Only programs reach a route before which a key of the whole server is compared."""

import pytest

from netra.guard.requests.for_programs import ForPrograms
from tests.guard.programs import analysed, function

FLASK = """
import hmac
from flask import Blueprint, request
internal = Blueprint("internal", __name__)
other = Blueprint("other", __name__)
@internal.before_request
def check():
    {check}
@internal.get("/a")
def a(): return 1
@other.get("/b")
def b(): return 1
"""
FASTAPI = """
from fastapi import APIRouter, Depends, Header, HTTPException
def verify_internal(x_key: str = Header()):
    if x_key != settings.key:
        raise HTTPException(401)
def get_service(): return Service()
def check_service():
    if not settings.ready or settings.state == "down":
        raise HTTPException(503)
router = APIRouter(dependencies=[Depends(verify_internal)])
plain = APIRouter(dependencies=[Depends(get_service)])
@router.get("/a")
def a(): return 1
@plain.get("/b")
def b(): return 1
@plain.get("/c", dependencies=[Depends(verify_internal)])
def c(): return 1
@plain.get("/d", dependencies=[Depends(check_service)])
def d(): return 1
"""


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("return None if hmac.compare_digest(request.headers['X-Key'], KEY) else ('no', 401)", True),
        ("counter.add(1)", False),
        ("return None if request.headers['X-Key'] else ('no', 401)", False),
    ],
)
def test_a_hook_of_a_blueprint_stands_before_its_routes_alone(check: str, expected: bool) -> None:
    analysis = analysed(FLASK.replace("{check}", check))
    one, other = (function(analysis.program, f"example.{name}") for name in "ab")
    assert analysis.once(ForPrograms).reach(one) is expected
    assert not analysis.once(ForPrograms).reach(other)


def test_so_does_a_dependency_of_a_router_or_a_route() -> None:
    analysis = analysed(FASTAPI)
    found = {name for name in "abcd" if analysis.once(ForPrograms).reach(function(analysis.program, f"example.{name}"))}
    assert found == {"a", "c"}
