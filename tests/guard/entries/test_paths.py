import pytest

from netra.guard.entries.paths import ANY, REST, Prefixes, path_of, segments
from tests.guard.programs import program


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/users/{user_id}/files", ("users", ANY, "files")),
        ("/users/<int:user_id>/", ("users", ANY)),
        ("/{a}-{b}/x", (ANY, "x")),
        ("/files/{path:path}", ("files", REST)),
        ("/files/<path:rest>", ("files", REST)),
        ("/", ()),
        ("", ()),
    ],
)
def test_a_path_is_read_as_its_segments(text: str, expected: tuple[str, ...]) -> None:
    assert segments(text) == expected


def test_what_is_not_known_of_a_path_stays_open() -> None:
    linked = program(
        {"m.py": 'ROOT = "/users"\ndef f(a, b):\n    g(f"{ROOT}/{a}", ROOT + "/" + b, a, "/x/{}".format(a), f"{a}{b}")\n'}
    )
    scope = linked.modules["m"].function(1)
    given = scope.facts.calls[0].arguments
    assert [path_of(each, scope, linked) for each in given] == [
        ("users", ANY),
        ("users", ANY),
        None,
        ("x", ANY),
        None,
    ]


def test_a_router_hangs_where_it_is_included_and_mounted() -> None:
    linked = program(
        {
            "app.py": """
                from fastapi import FastAPI
                from users import router
                app = FastAPI()
                inner = FastAPI()
                inner.include_router(router, prefix="/v1")
                app.mount("/api", inner)
            """,
            "users.py": """
                from fastapi import APIRouter
                router = APIRouter(prefix="/users")
                def f(): ...
            """,
        }
    )
    users = linked.modules["users"]
    assert Prefixes(linked).of(("name", "router"), users.top) == (("api", "v1", "users"),)
    assert Prefixes(linked).of(("name", "app"), linked.modules["app"].top) == ((),)


def test_an_application_that_is_mounted_says_itself_where() -> None:
    linked = program(
        {
            "app.py": """
                from fastapi import FastAPI
                app = FastAPI()
                api = FastAPI(root_path="/api")
                app.mount("/api", api)
            """
        }
    )
    assert Prefixes(linked).of(("name", "api"), linked.modules["app"].top) == (("api",),)
