"""What a framework gives of a request without handing it over is known by where it comes from, and not by its name alone."""

import pytest

from netra.guard.facts import Expression
from netra.guard.requests.ambient import Ambient, is_proof
from tests.guard.programs import analysed, function

TEXT = """
import flask
from flask import request, session
from flask_jwt_extended import get_jwt_identity as who
from mine import current_user

def work(): return who(), current_user()
"""


def test_names_and_attributes_of_a_library_stand_for_the_request_of_whoever_is_served() -> None:
    analysis = analysed(TEXT)
    ambient, scope = Ambient(analysis), function(analysis.program, "example.work")
    assert ambient.name("request", scope) == ("request", False)
    assert ambient.name("session", scope) == ("session", True)
    assert ambient.name("current_user", scope) is None
    of_library: Expression = ("attribute", ("name", "flask"), "session")
    assert ambient.attribute(of_library, scope) == ("flask.session", True)
    assert ambient.attribute(("attribute", ("name", "flask"), "json"), scope) is None
    assert ambient.attribute(("attribute", ("name", "mine"), "session"), scope) is None


def test_a_call_says_who_is_asking_where_a_library_answers_it() -> None:
    analysis = analysed(TEXT)
    ambient, scope = Ambient(analysis), function(analysis.program, "example.work")
    assert [ambient.call(each.callee, scope) for each in scope.facts.calls] == [("get_jwt_identity", True), None]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("authorization=Header()", True),
        ("session_id=Cookie(None)", True),
        ("language=Header()", False),
        ("token=Depends(bearer)", True),
        ("token=Security(HTTPBearer())", True),
        ("token=Depends(settings)", False),
        ("authorization=None", False),
    ],
)
def test_a_parameter_proves_who_asks_by_a_header_that_says_so_or_by_a_scheme(parameter: str, expected: bool) -> None:
    text = f"""
        from fastapi import Cookie, Depends, Header, Security
        from fastapi.security import HTTPBearer
        bearer = HTTPBearer()
        settings = dict()
        def route({parameter}): ...
        """
    analysis = analysed(text)
    scope = function(analysis.program, "example.route")
    assert Ambient(analysis).proves(scope.facts.parameters[0], scope) is expected


@pytest.mark.parametrize(("transport", "expected"), [("streamable-http", True), ("stdio", False)])
def test_a_tool_is_asked_by_many_where_its_server_speaks_http(transport: str, expected: bool) -> None:
    text = f"""
        from mcp.server.fastmcp import FastMCP
        server = FastMCP("notes")
        @server.tool()
        def note(text: str): ...
        server.run(transport="{transport}")
        """
    analysis = analysed(text)
    entry = analysis.reach.entries[function(analysis.program, "example.note")]
    assert Ambient(analysis).is_asked(entry) is expected


@pytest.mark.parametrize(
    ("place", "key", "expected"),
    [
        ("headers", "Authorization", True),
        ("headers", "X-Api-Key", True),
        ("META", "HTTP_AUTHORIZATION", True),
        ("cookies", "session", True),
        ("headers", "Accept", False),
        ("args", "Authorization", False),
    ],
)
def test_a_proof_is_what_a_client_sends_along_to_say_who_it_is(place: str, key: str, expected: bool) -> None:
    assert is_proof(("attribute", ("name", "request"), place), ("string", key)) is expected


def test_what_is_whole_is_followed_to_those_who_hand_it_over_and_an_object_is_not_handed_over_by_name() -> None:
    text = """
    from fastapi import FastAPI, Request

    app = FastAPI()

    class Bot:
        def ready(self):
            self.state = self

        def start(self, request):
            self.ready()
            self.request = request

    bot = Bot()

    @app.get("/")
    def index(request: Request):
        bot.start(request)
    """
    analysis = analysed(text)
    ambient = Ambient(analysis)
    assert not ambient.is_whole(("name", "self"), function(analysis.program, "example.Bot.ready"))
    assert ambient.is_whole(("name", "request"), function(analysis.program, "example.Bot.start"))


def test_a_variable_of_the_programs_own_is_at_hand_where_its_name_says_whose_it_is() -> None:
    text = """
    from contextvars import ContextVar

    current_user = ContextVar("u")
    last_request = ContextVar("r")
    depth = ContextVar("d")

    def work(other):
        return current_user.get(), last_request.get(None), depth.get(), other.get("current_user")
    """
    analysis = analysed(text)
    ambient, work = Ambient(analysis), function(analysis.program, "example.work")
    found = [ambient.call(call.callee, work) for call in work.facts.calls]
    assert found == [("current_user.get()", True), ("last_request.get()", False), None, None]
    assert ambient.is_at_hand("current_user.get()")
    assert not ambient.is_at_hand("depth.get()")
    assert not ambient.is_at_hand("current_user")
