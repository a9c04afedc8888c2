import pytest

from netra.guard.requests.transports import speaks_stdio_only
from tests.guard.programs import analysed

HIGH = "from fastmcp import FastMCP\nserver = FastMCP('notes')\n"
LOW = "from mcp.server import Server\nfrom mcp.server.stdio import stdio_server\nserver = Server('notes')\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HIGH}server.run()\n", True),
        (f"{HIGH}server.run('stdio')\n", True),
        (f"{HIGH}server.run(transport='stdio', show_banner=False)\n", True),
        (f"{HIGH}server.run(transport='http')\n", False),
        (f"{HIGH}def main(how):\n    server.run(transport=how)\n", False),
        (f"{HIGH}def main(given):\n    server.run(**given)\n", False),
        (f"{HIGH}server.run()\napp = server.http_app()\n", False),
        (f"{HIGH}def main(web):\n    server.run('sse') if web else server.run()\n", False),
        (f"{HIGH}asyncio.run(main())\n", False),
        (
            f"{LOW}async def main():\n    async with stdio_server() as (a, b):\n        await server.run(a, b, options())\n",
            True,
        ),
        (HIGH, False),
    ],
)
def test_a_server_may_speak_over_its_standard_input_only(text: str, expected: bool) -> None:
    assert speaks_stdio_only(analysed(text).program) is expected


def test_how_tests_start_it_says_nothing() -> None:
    files = {"notes.py": f"{HIGH}server.run()\n", "tests/test_notes.py": f"{HIGH}server.run(transport='http')\n"}
    assert speaks_stdio_only(analysed(files).program)
