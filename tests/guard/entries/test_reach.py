from tests.guard.programs import analysed, function

APP = """
from fastapi import APIRouter, Depends
router = APIRouter()

class Store:
    async def save(self): helper()

def helper(): deepest()
def deepest(): ...
def unused(): ...
async def current_user(): deepest()

@router.post("/things")
async def create(store: Store, user=Depends(current_user)):
    await store.save()

@router.websocket("/live")
async def live(socket): ...

async def added(): ...
router.add_api_route("/added", added)
"""


def test_routes_lead_through_methods_helpers_and_dependencies() -> None:
    analysis = analysed(APP)
    assert analysis.reach.labels(function(analysis.program, "example.deepest")) == ("POST /things",)
    assert analysis.reach.labels(function(analysis.program, "example.current_user")) == ("POST /things",)
    assert analysis.reach.labels(function(analysis.program, "example.unused")) == ()


def test_the_way_from_a_route_is_told_step_by_step() -> None:
    analysis = analysed(APP)
    steps = analysis.reach.path_to(function(analysis.program, "example.helper"))
    assert [step.line for step in steps] == [14, 15, 6]


def test_sockets_and_routes_that_are_added_count() -> None:
    labels = {entry.label: entry.sort for entry in analysed(APP).reach.entries.values()}
    assert labels == {"POST /things": "route", "WebSocket /live": "socket", "HTTP /added": "route"}


def test_other_frameworks_have_entry_points_too() -> None:
    files = {
        "app.py": """
            from aiohttp import web
            from celery import shared_task
            from litestar import get
            from channels.generic.websocket import AsyncWebsocketConsumer
            import typer
            cli = typer.Typer()
            routes = web.RouteTableDef()
            @routes.get("/a")
            async def a(request): ...
            @shared_task
            def b(): ...
            @get("/c")
            async def c(): ...
            class Chat(AsyncWebsocketConsumer):
                async def receive(self, data): ...
            @cli.command()
            def d(): ...
            """,
        "tests/test_e.py": "def test_e(): ...",
    }
    sorts = {entry.function.name: entry.sort for entry in analysed(files).reach.entries.values()}
    assert sorts == {"a": "route", "b": "task", "c": "route", "receive": "socket", "d": "command", "test_e": "test"}


def test_a_route_is_known_by_its_whole_path() -> None:
    files = {
        "users.py": """
            from fastapi import APIRouter
            router = APIRouter(prefix="/users")
            @router.get("/{user_id}")
            async def read(user_id): ...
            """,
        "app.py": """
            from fastapi import FastAPI
            import users
            app = FastAPI()
            app.include_router(users.router, prefix="/api/v1")
            """,
    }
    assert [each.label for each in analysed(files).reach.entries.values()] == ["GET /api/v1/users/{user_id}"]


def test_what_a_function_of_the_program_makes_a_route_of_is_an_entry_point() -> None:
    analysis = analysed(
        """
        from starlette.routing import Route

        def page(name, handler, *methods):
            return Route(f"/app/{name}", handler, methods=list(methods))

        def shown(name, handler):
            return Sheet(f"/app/{name}", handler)

        async def opened(request): ...
        async def closed(request): ...
        async def printed(request): ...

        routes = [page("open", opened, "POST"), page("close", closed, "POST"), shown("print", printed)]
        """
    )
    found = {each.name: entry.sort for each, entry in analysis.reach.entries.items()}
    assert found == {"opened": "route", "closed": "route"}
