from netra.guard.requests.askers import (
    guarded_routers,
    hangs_in_sight,
    is_guarded,
    is_of_rights,
    is_of_router_for_some,
    signed_in,
    speaks_of_rights,
)
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import APIRouter, Depends, FastAPI

app = FastAPI()
guarded = APIRouter(dependencies=[Depends(check)])

def current_user(): ...
def require_admin(user=Depends(current_user)): ...

@app.get("/a")
async def plain(user_id: str): ...

@guarded.get("/b")
async def behind(user_id: str): ...

@app.get("/c")
async def known(user_id: str, who=Depends(current_user)): ...

@app.get("/d")
async def ruled(user_id: str, who=Depends(require_admin)):
    if who.is_admin:
        return user_id

for_some = APIRouter(prefix="/people", dependencies=[Depends(check_admin)])

@for_some.get("/f")
async def administered(user_id: str): ...

def make(router):
    @router.get("/e")
    async def handed(user_id: str): ...
"""


def test_a_dependency_tells_who_is_signed_in_and_may_let_only_some_through() -> None:
    analysis = analysed(TEXT)
    known, ruled = (function(analysis.program, f"example.{name}") for name in ("known", "ruled"))
    assert [signed_in(analysis, each) for each in (known, ruled)] == ["who", None]
    assert not is_of_rights(analysis, known, "who")
    assert is_of_rights(analysis, ruled, "who")
    assert [speaks_of_rights(each) for each in (known, ruled)] == [False, True]


def test_a_router_with_dependencies_asks_for_all_of_its_routes() -> None:
    analysis = analysed(TEXT)
    routers = guarded_routers(analysis)
    entries = {each.function.name: each for each in analysis.reach.entries.values()}
    asked = {name: is_guarded(analysis, entries[name], routers) for name in ("plain", "behind", "known")}
    assert asked == {"plain": False, "behind": True, "known": True}
    assert hangs_in_sight(entries["plain"].function)
    assert not hangs_in_sight(entries["handed"].function)


def test_a_router_may_let_only_some_through_for_all_of_its_routes() -> None:
    program = analysed(TEXT).program
    for_some = [
        name for name in ("plain", "behind", "administered") if is_of_router_for_some(function(program, f"example.{name}"))
    ]
    assert for_some == ["administered"]
