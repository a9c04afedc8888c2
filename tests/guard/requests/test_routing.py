"""`netra.guard.requests.routing`: the whole paths of a program's routes."""

from netra.guard.requests.routing import Routing
from tests.guard.programs import analysed


def routes(files: dict[str, str] | str) -> set[str]:
    return {f"{each} {each.handler.name}" for each in Routing(analysed(files)).routes}


def test_prefixes_of_nested_routers_stand_before_a_path() -> None:
    found = routes(
        {
            "app.py": """
                from fastapi import FastAPI
                from parts import outer
                app = FastAPI()
                app.include_router(outer, prefix="/api")
                app.include_router(outer, prefix="/latest")
            """,
            "parts.py": """
                from fastapi import APIRouter
                outer = APIRouter(prefix="/v1")
                inner = APIRouter(prefix="/users")
                outer.include_router(inner)

                @inner.get("/{user_id}")
                async def found(user_id): ...
            """,
        }
    )
    assert found == {"GET /api/v1/users/{} found", "GET /latest/v1/users/{} found"}


def test_routes_are_known_however_they_are_registered() -> None:
    found = routes(
        """
        from fastapi import FastAPI
        app = FastAPI()
        def a(): ...
        def b(): ...
        def c(): ...
        def d(): ...
        app.add_api_route("/a", a, methods=["POST", "PUT"])
        app.router.add_get("/b", b)
        app.add_url_rule("/c", "name", c)
        routes = [Route("/d", endpoint=d)]

        class Api:
            def __init__(self):
                self.router = APIRouter(prefix="/own")
                self.router.add_api_route("/e", self.e)
            def e(self): ...
        """
    )
    assert found == {"POST PUT /a a", "GET /b b", "GET /c c", "GET /d d", "GET /own/e e"}


def test_a_router_that_includes_itself_ends() -> None:
    found = routes(
        """
        from fastapi import APIRouter
        router = APIRouter(prefix="/a")
        router.include_router(router, prefix="/b")
        @router.get("/c")
        def c(): ...
        """
    )
    assert any(each.endswith("c c") for each in found)


def test_a_route_answers_its_verbs() -> None:
    reading, anything = Routing(
        analysed("@app.get('/a')\ndef a(): ...\n@app.api_route('/b', methods=VERBS)\ndef b(): ...\n")
    ).routes
    assert [reading.answers(verb) for verb in ("GET", "HEAD", "POST")] == [True, True, False]
    assert anything.answers("DELETE")
