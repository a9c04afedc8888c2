from netra.guard.meaning.provided import Provided
from tests.guard.programs import function, program

TABLES = """
    from litestar import Litestar, get
    from litestar.di import Provide

    def store(): ...
    def mine(): ...
    def others(): ...

    @get("/")
    async def index(shop: str, whose: str, name: str) -> str: ...

    def plain(shop: str): ...

    app = Litestar([index], dependencies={"shop": Provide(store), "whose": Provide(mine)})
    again = Litestar([index], dependencies={"shop": Provide(store), "whose": Provide(others)})
    """


def _filled(name: str, parameter: str) -> object:
    linked = program({"example.py": TABLES})
    provided = Provided(linked)
    scope = function(linked, f"example.{name}")
    assert scope.parent is not None
    found = provided.of(next(each for each in scope.facts.parameters if each.name == parameter), scope.parent)
    return None if found is None else found[0]


def test_a_table_fills_the_parameters_of_handlers_by_their_names() -> None:
    assert _filled("index", "shop") == ("name", "store")
    assert _filled("index", "name") is None


def test_a_name_that_two_tables_give_to_two_functions_is_not_known() -> None:
    assert _filled("index", "whose") is None


def test_what_is_no_handler_is_filled_by_its_callers() -> None:
    assert _filled("plain", "shop") is None


def test_a_program_without_tables_has_none() -> None:
    assert not Provided(program({"example.py": "def index(shop): ..."}))
