"""`netra.guard.requests.handwritten`: which paths a server that compares them itself may serve."""

from netra.guard.requests.handwritten import HandwrittenServers, texts_in
from tests.guard.programs import analysed

HANDLER = """
from http.server import BaseHTTPRequestHandler
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/v1/recipes/"):
            self.answer()
"""


def test_a_path_of_which_the_file_names_a_part_may_be_served() -> None:
    servers = HandwrittenServers(analysed({"old.py": HANDLER, "other.py": 'ORDERS = "/orders"'}))
    assert servers.may_serve(("v1", "recipes", "{}"))
    assert not servers.may_serve(("v1", "orders", "{}"))


def test_a_path_that_tells_nothing_may_be_anybodys() -> None:
    assert HandwrittenServers(analysed({"old.py": HANDLER})).may_serve(("v1", "{}"))


def test_where_there_is_no_such_server_it_serves_nothing() -> None:
    assert not HandwrittenServers(analysed({"other.py": 'ORDERS = "/orders"'})).may_serve(("v1", "{}"))


def test_a_keyword_that_is_called_string_is_no_text() -> None:
    other = "import re\ndef find(text):\n    return re.match('/orders', string=text)\n"
    servers = HandwrittenServers(analysed({"old.py": HANDLER, "other.py": other}))
    assert servers.may_serve(("v1", "recipes", "{}"))
    (module,) = analysed({"other.py": other}).modules
    assert [*texts_in(module.file.functions)] == ["/orders"]
