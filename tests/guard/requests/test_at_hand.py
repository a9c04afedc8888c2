"""Who is signed in is at hand where something that runs before has found it out, and is not where nothing has."""

import pytest

from netra.guard.requests.at_hand import AtHand
from tests.guard.programs import analysed, function


def _note(text: str, name: str = "route") -> str | None:
    analysis = analysed(text)
    step = AtHand(analysis).of(function(analysis.program, f"example.{name}"))
    return None if step is None else step.note


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("login_required", True),
        ("jwt_required()", True),
        ("require_user", True),
        ("cached", False),
        ("login_required_later", False),
    ],
)
def test_a_decorator_lets_only_those_in_who_are_signed_in(decorator: str, expected: bool) -> None:
    text = f"""
        from somewhere import cached, jwt_required, login_required, login_required_later, require_user

        @{decorator}
        def route(request): ...
        """
    named = decorator.removesuffix("()")
    assert _note(text) == (f"`{named}` lets only those in who are signed in" if expected else None)


@pytest.mark.parametrize(
    ("base", "setting", "expected"),
    [
        ("LoginRequiredMixin", "template = 'a'", True),
        ("View", "permission_classes = [IsAuthenticated]", True),
        ("View", "permission_classes = [AllowAny]", False),
        ("View", "renderer_classes = [IsAuthenticated]", False),
    ],
)
def test_a_class_lets_only_those_in_by_its_bases_and_permissions(base: str, setting: str, expected: bool) -> None:
    text = f"""
        from somewhere import AllowAny, IsAuthenticated, LoginRequiredMixin, View

        class Orders({base}):
            {setting}

            def get(self, request): ...
        """
    assert _note(text, "Orders.get") == ("`Orders` lets only those in who are signed in" if expected else None)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("g.user = 1", True),
        ("request.ctx.account = 1", True),
        ("request.user_id = 1", True),
        ("WHO.set(1)", True),
        ("g.started = 1", False),
        ("OTHER.set(1)", False),
        ("job.user = 1", False),
    ],
)
def test_a_hook_before_every_request_leaves_who_is_signed_in_with_it(left: str, expected: bool) -> None:
    text = f"""
        from contextvars import ContextVar
        from flask import Flask, g, request

        app = Flask(__name__)
        WHO = ContextVar("current_user")
        OTHER = ContextVar("locale")

        class Around:
            def process_request(self, job): {left}

        @app.get("/orders")
        def route(): ...
        """
    note = "`Around.process_request` leaves who is signed in with every request"
    assert _note(text) == (note if expected else None)
    assert _note(text.replace("process_request", "helper")) is None


@pytest.mark.parametrize(
    ("other", "expected"), [("orders_of(session['user_id'])", True), ("orders_of(request.args['user_id'])", False)]
)
def test_another_route_of_the_module_reads_what_something_has_left(other: str, expected: bool) -> None:
    text = f"""
        from flask import Flask, request, session
        from orders import orders_of

        app = Flask(__name__)

        @app.get("/orders")
        def route(): ...

        @app.get("/mine")
        def mine(): return {other}
        """
    assert (_note(text) is not None) is expected
