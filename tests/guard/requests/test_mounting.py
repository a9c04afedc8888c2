from netra.guard.requests.routing import Routing
from tests.guard.programs import analysed


def routes(files: dict[str, str] | str) -> set[str]:
    return {str(each) for each in Routing(analysed(files)).routes}


def test_what_mounts_a_list_of_routes_stands_before_each() -> None:
    found = routes(
        {
            "users.py": """
                from starlette.routing import Route, Router
                def listed(request): ...
                routes = [Route("/users", listed)]
                inner = Router([Route("/own", listed)])
                def more(): return [Route("/more", listed)]
                alone = [Route("/alone", listed)]
                """,
            "app.py": """
                from starlette.applications import Starlette
                from starlette.routing import Mount, Route
                import users
                def made(request): ...
                def create_app():
                    api = [Route("/made", made), *users.routes]
                    return Starlette(routes=[
                        Mount("/api", routes=[Mount("/v1", routes=api), Route("/here", made)]),
                        Mount("/inner", app=users.inner),
                        Mount("/more", routes=users.more()),
                    ])
                """,
        }
    )
    assert found == {
        "GET /api/v1/users",
        "GET /api/v1/made",
        "GET /api/here",
        "GET /inner/own",
        "GET /more/more",
        "GET /alone",
    }


def test_routers_of_litestar_stand_before_their_controllers() -> None:
    found = routes(
        """
        from litestar import Controller, Litestar, Router, get, post
        class Rides(Controller):
            path = "/rides"
            @get("/{ride:int}")
            async def found(self, ride: int): ...
        @post("/alone")
        async def alone(): ...
        def create_app():
            v1 = Router("/v1", route_handlers=[Rides])
            return Litestar([Router(path="/api", route_handlers=[v1]), alone], path="/base")
        """
    )
    assert found == {"GET /base/api/v1/rides/{}", "POST /base/alone"}


def test_groups_of_blueprints_and_applications_within_others_have_a_prefix() -> None:
    assert routes(
        """
        from sanic import Blueprint, Sanic
        lamps = Blueprint("lamps", url_prefix="/lamps")
        scenes = Blueprint("scenes", url_prefix="/scenes")
        @lamps.put("/<name:str>")
        async def install(request, name): ...
        @scenes.post("/<scene:str>/start")
        async def start(request, scene): ...
        app = Sanic("house")
        app.blueprint(Blueprint.group(lamps, Blueprint.group(scenes, url_prefix="/v2"), url_prefix="/house"))
        """
    ) == {"PUT /house/lamps/{}", "POST /house/v2/scenes/{}/start"}
    assert routes(
        """
        from aiohttp import web
        async def listed(request): ...
        admin = web.Application()
        admin.router.add_get("/users", listed)
        admin.add_routes([web.post("/teams", listed)])
        app = web.Application()
        app.add_subapp("/admin", admin)
        """
    ) == {"GET /admin/users", "POST /admin/teams"}
