"""What a server calls by its shape alone is an entry, and the same shape without the library, or another shape, is none."""

import pytest

from netra.guard.entries.shaped import shaped
from netra.guard.entries.sorts import LISTENER
from tests.guard.programs import program


def _called(files: dict[str, str] | str) -> set[tuple[str, str]]:
    found = list(shaped(program({"example.py": files} if isinstance(files, str) else files)))
    assert {sort for _, sort, _ in found} <= {LISTENER}
    return {(function.facts.qualified, label) for function, _, label in found}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("self, scope, receive, send", True),
        ("self, environ, start_response", True),
        ("self, scope, receive", False),
        ("self, request", False),
    ],
)
def test_an_object_is_called_by_the_parameters_of_asgi_or_wsgi(parameters: str, expected: bool) -> None:
    text = f"""
        class Around:
            def __call__({parameters}): ...
            def other(self, scope, receive, send): ...
        """
    assert _called(text) == ({("Around.__call__", "every request")} if expected else set())


DJANGO = """
    {imported}

    class Around:
        def __init__(self, get_response): self.get_response = get_response
        def __call__(self, request): return self.get_response(request)
        def process_view(self, request, view, args, kwargs): ...
        def helper(self, request): ...

    class Other:
        def __init__(self, response): ...
        def __call__(self, request): ...

    def simple(get_response):
        def middleware(request): return get_response(request)
        def helper(text): ...
        return middleware

    def decorator(function):
        def wrapped(request): return function(request)
        return wrapped
    """


def test_middleware_of_django_is_a_class_or_function_that_is_given_get_response() -> None:
    found = _called(DJANGO.format(imported="from django.http import HttpResponse"))
    assert found == {(name, "every request") for name in ("Around.__call__", "Around.process_view", "simple.middleware")}
    assert _called(DJANGO.format(imported="import json")) == set()


FALCON = """
    {imported}

    class Orders:
        def on_get(self, req, resp): ...
        def on_post(self, req, resp, number): ...
        def on_put(self, message): ...
        def on_close(self, req, resp): ...
    """


def test_a_resource_of_falcon_answers_the_verbs_with_a_request_and_a_response() -> None:
    found = _called(FALCON.format(imported="import falcon"))
    assert found == {("Orders.on_get", "falcon GET Orders"), ("Orders.on_post", "falcon POST Orders")}
    assert _called(FALCON.format(imported="import json")) == set()


def test_what_tests_define_is_called_by_nobody_else() -> None:
    text = """
        class Around:
            def __call__(self, scope, receive, send): ...
        """
    assert _called({"app.py": text}) != set()
    assert _called({"tests/test_app.py": text}) == set()


def test_middleware_of_falcon_is_given_each_request() -> None:
    text = """
        import falcon

        class Signed:
            def process_request(self, req, resp): ...
            def process_response(self, message): ...
        """
    assert _called(text) == {("Signed.process_request", "falcon process_request Signed")}
