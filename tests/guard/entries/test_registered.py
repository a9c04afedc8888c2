from tests.guard.programs import analysed


def labels(files: dict[str, str] | str) -> dict[str, str]:
    return {each.function.name: f"{each.sort}: {each.label}" for each in analysed(files).reach.entries.values()}


SERVER = """
    from fastapi import FastAPI
    from kitchen import chosen

    app = FastAPI()

    @app.post("/cook/{name}")
    async def cook(name: str):
        return await chosen(name)()
"""


def test_a_decorator_of_the_program_keeps_what_it_is_put_on_and_a_route_picks_it() -> None:
    kitchen = """
        RECIPES = {}
        SHOWN = {}

        class Recipe:
            def __init__(self, name, make): ...

        def recipe(name):
            def keep(make):
                RECIPES[name] = Recipe(name, make)
                return make
            return keep

        def plain(make):
            RECIPES.setdefault(make.__name__, make)
            return make

        def shown(make):
            SHOWN[make.__name__] = make
            return make

        def chosen(name):
            return RECIPES[name]

        def names():
            return sorted(SHOWN)

        @recipe("soup")
        async def soup(): ...

        @plain
        async def bread(): ...

        @shown
        async def picture(): ...
    """
    assert labels({"kitchen.py": kitchen, "server.py": SERVER}) == {
        "cook": "route: POST /cook/{name}",
        "soup": "listener: POST /cook/{name}, through `RECIPES`",
        "bread": "listener: POST /cook/{name}, through `RECIPES`",
    }


def test_a_table_is_written_with_its_functions() -> None:
    kitchen = """
        async def soup(): ...
        async def bread(): ...
        RECIPES = {"soup": soup, "bread": bread}
        def chosen(name):
            return RECIPES.get(name)
    """
    found = labels({"kitchen.py": kitchen, "server.py": SERVER})
    assert found["soup"] == found["bread"] == "listener: POST /cook/{name}, through `RECIPES`"


def test_what_no_route_picks_is_no_entry_nor_what_gets_a_loop_of_its_own() -> None:
    kitchen = """
        import asyncio
        async def soup(): ...
        RECIPES = {"soup": soup}
        def chosen(name):
            return asyncio.run(RECIPES[name]())
        OTHERS = {"soup": soup}
        def unused(name):
            return OTHERS[name]
    """
    assert "soup" not in labels({"kitchen.py": kitchen, "server.py": SERVER})


def test_the_tools_of_an_agent_that_a_route_makes() -> None:
    text = """
        from fastapi import FastAPI
        from agents import Agent

        app = FastAPI()

        def weather(town): ...

        class Own:
            def __init__(self, tools): ...

        def unused(): ...

        @app.get("/ask")
        async def ask():
            Own(tools=[unused])
            return Agent("helper", tools=[weather])
    """
    assert labels(text) == {"ask": "route: GET /ask", "weather": "listener: GET /ask, through `Agent`"}
