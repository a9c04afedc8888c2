from netra.guard.requests.coming_in import ComingIn
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Depends, FastAPI, WebSocket
app = FastAPI()
def get_db(): ...
def get_current_user(request): ...
def tell(name, db=Depends(get_db)): ...
def whoever(told=Depends(tell)): ...
@app.get("/a")
async def a(question: str, user_id: str, elsewhere=Depends(library), user=Depends(get_current_user), told=Depends(whoever)): ...
@app.websocket("/b")
async def b(peer, socket: WebSocket, name: str): ...
"""


def brought(name: str) -> dict[str, bool]:
    """The parameters of an entry point by which something comes in: whether it is of one user."""
    analysis = analysed(TEXT)
    scope = function(analysis.program, f"example.{name}")
    coming = ComingIn(analysis, lambda dependency: dependency.name == "whoever")
    entry = analysis.reach.entries[scope]
    found = {each.name: coming.by(scope, each, entry) for each in scope.facts.parameters}
    return {name: origin.personal for name, origin in found.items() if origin is not None}


def test_what_a_client_sends_comes_in_and_what_a_dependency_gives_only_when_it_tells_who_asks() -> None:
    assert brought("a") == {"question": False, "user_id": True, "user": True, "told": True}
    assert brought("b") == {"peer": True, "socket": True, "name": False}


def test_a_route_depends_on_what_its_dependencies_depend_on() -> None:
    analysis = analysed(TEXT)
    below = ComingIn(analysis, lambda _: False).dependencies(function(analysis.program, "example.a"))
    assert [each.name for each in below] == ["get_current_user", "whoever", "tell", "get_db"]
