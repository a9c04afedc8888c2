from netra.guard.meaning.makers import made_by, maker
from tests.guard.programs import program


def test_the_library_is_that_of_the_class_of_what_made_it_or_of_a_base() -> None:
    text = """
    import socketio
    from fastmcp import FastMCP

    class Server(FastMCP): ...

    sio = socketio.AsyncServer()
    server = Server()
    other = server
    """
    found = program({"app.py": text})
    top = found.own[0].top
    names = ("sio", "server", "other", "missing")
    assert [maker(("name", name), top, found) for name in names] == ["socketio", "fastmcp", "fastmcp", None]
    assert maker(("attribute", ("name", "sio"), "on"), top, found) == "socketio"


def test_what_an_object_holds_is_of_the_library_that_made_it() -> None:
    text = """
    from fastmcp import FastMCP

    class Server:
        def __init__(self, given: FastMCP, other):
            self.mcp = FastMCP("notes")
            self.given = given
            self.other = other

    class Below(Server):
        def tools(self):
            @self.mcp.tool()
            async def search(): ...
    """
    found = program({"app.py": text})
    scope = next(each for each in found.scopes if each.name == "tools")
    held = [
        maker(("attribute", ("attribute", ("name", "self"), name), "tool"), scope, found) for name in ("mcp", "given", "other")
    ]
    assert held == ["fastmcp", "fastmcp", None]


def test_what_has_made_it_is_known_by_its_full_name() -> None:
    found = program({"app.py": "import socketio\nsio = socketio.AsyncClient()\nsio.connect(url)"})
    assert made_by(("attribute", ("name", "sio"), "on"), found.own[0].top, found) == "socketio.AsyncClient"
