from netra.guard.meaning.makers import maker
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
