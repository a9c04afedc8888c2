"""The operator's file of MCP servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from netra.tools.servers import (
    LARGEST_FILE,
    ConnectedServer,
    InvalidServersFile,
    SecretMissing,
    SecretUnusable,
    read_servers,
)

REMOTE = {"url": "https://mcp.example.com/mcp", "permission": "analytics"}
PROGRAM = {"command": "mcp-server", "permission": "basic"}


def written(folder: Path, content: Any) -> Path:
    path = folder / "servers.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_both_kinds_are_read_with_what_each_is_sent(tmp_path: Path) -> None:
    given = {
        "github": {**REMOTE, "headers": {"Authorization": "Bearer {secret:GITHUB_TOKEN}", "X-Region": "eu"}, "time_limit": 5},
        "local_files": {**PROGRAM, "args": ["--fast"], "env": {"TOKEN": "{secret:T}"}, "tools": ["read"]},
    }
    servers = read_servers(written(tmp_path, {"servers": given}))
    assert servers["github"].time_limit == 5
    assert servers["local_files"].tools == ("read",)
    assert servers["github"].filled({"GITHUB_TOKEN": "abc"}) == {"Authorization": "Bearer abc", "X-Region": "eu"}
    assert servers["github"].named_secrets() == {"GITHUB_TOKEN"}


def test_when_nobody_calls_no_place_of_a_secret_is_sent_unless_the_operator_fills_it(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer {secret:T}", "X-Region": "eu"}
    assert ConnectedServer(**REMOTE, headers=headers).discovery_texts == {"X-Region": "eu"}
    discovery = {"headers": {"Authorization": "Bearer of-the-operator"}}
    server = ConnectedServer(**REMOTE, headers=headers, discovery=discovery)
    assert server.discovery_texts == {"X-Region": "eu", "Authorization": "Bearer of-the-operator"}
    assert server.filled({"T": "mine"})["Authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("server", "place", "words"),
    [
        ({"permission": "basic"}, "servers.one", "either a url or a command"),
        ({**REMOTE, **PROGRAM}, "servers.one", "either a url or a command"),
        ({**REMOTE, "permission": "flying"}, "servers.one.permission", "must be one of basic"),
        ({"url": REMOTE["url"]}, "servers.one.permission", "Field required"),
        ({**REMOTE, "hedaers": {}}, "servers.one.hedaers", "Extra inputs"),
        ({**REMOTE, "env": {"A": "b"}}, "servers.one", "env has no meaning beside a url"),
        ({**REMOTE, "args": ["x"]}, "servers.one", "args has no meaning beside a url"),
        ({**PROGRAM, "headers": {"A": "b"}}, "servers.one", "headers has no meaning beside a command"),
        ({**PROGRAM, "discovery": {"headers": {"A": "b"}}}, "servers.one", "headers has no meaning beside a command"),
        ({**REMOTE, "url": "ftp://example.com"}, "servers.one.url", "http"),
        ({**REMOTE, "url": "https://me:secret-word@example.com"}, "servers.one.url", "must hold no password"),
        ({**REMOTE, "url": "https://example.com:port"}, "servers.one.url", "http"),
        ({**REMOTE, "url": "https://example.com/{secret:T}"}, "servers.one", "headers and env only"),
        ({**PROGRAM, "args": ["{secret:T}"]}, "servers.one", "headers and env only"),
        ({**REMOTE, "discovery": {"headers": {"A": "{secret:T}"}}}, "servers.one", "headers and env only"),
        ({**REMOTE, "headers": {"A": "{secret: T}"}}, "servers.one", "is written {secret:NAME}"),
        ({**REMOTE, "headers": {"A": "{secret:token}"}}, "servers.one", "NAME is capitals"),
        ({**REMOTE, "headers": {"A B": "c"}}, "servers.one", "no name of a header"),
        ({**REMOTE, "headers": {"A": "secret-word\r\nB: c"}}, "servers.one", "cannot be sent"),
        ({**REMOTE, "headers": {"Mcp-Session-Id": "c"}}, "servers.one", "belongs to the protocol"),
        ({**REMOTE, "headers": {"HOST": "c"}}, "servers.one", "belongs to the protocol"),
        ({**PROGRAM, "env": {"A=B": "c"}}, "servers.one", "no name of a variable"),
        ({**REMOTE, "time_limit": 0}, "servers.one.time_limit", "greater than 0"),
        ({**REMOTE, "time_limit": 10_000}, "servers.one.time_limit", "less than or equal"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_without_what_stands_there(
    tmp_path: Path, server: dict[str, Any], place: str, words: str
) -> None:
    with pytest.raises(InvalidServersFile) as caught:
        read_servers(written(tmp_path, {"servers": {"one": server}}))
    assert f"{place}: " in caught.value.detail
    assert words in caught.value.detail
    assert "secret-word" not in caught.value.detail


@pytest.mark.parametrize("name", ["", "Big", "two__parts", "ends_", "_begins", "dash-ed", "x" * 25, "é"])
def test_a_servers_name_leaves_no_doubt_where_the_tools_name_begins(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidServersFile):
        read_servers(written(tmp_path, {"servers": {name: REMOTE}}))


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"servers": {}, "more": 1}', "\0"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidServersFile):
        read_servers(written(tmp_path, content))


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidServersFile, match="No such file"):
        read_servers(tmp_path / "nothing.json")
    with pytest.raises(InvalidServersFile, match="larger"):
        read_servers(written(tmp_path, " " * (LARGEST_FILE + 1)))


def test_a_secret_that_is_missing_or_cannot_be_sent_is_named_and_not_shown() -> None:
    server = ConnectedServer(**REMOTE, headers={"Authorization": "Bearer {secret:T}"})
    with pytest.raises(SecretMissing, match="your secret T") as missing:
        server.filled({"OTHER": "x"})
    assert (missing.value.code, missing.value.extra) == ("secret_missing", {"secret": "T"})
    for value in ("hidden\r\nX: y", "hidden\0", "hidden é"):
        with pytest.raises(SecretUnusable) as unusable:
            server.filled({"T": value})
        assert "hidden" not in unusable.value.detail
    program = ConnectedServer(**PROGRAM, env={"T": "{secret:T}"})
    assert program.filled({"T": "two\nlines é"}) == {"T": "two\nlines é"}
    with pytest.raises(SecretUnusable):
        program.filled({"T": "\0"})


def test_a_secret_that_looks_like_a_place_is_not_filled_in_again() -> None:
    server = ConnectedServer(**REMOTE, headers={"A": "{secret:T}", "B": "{secret:U}"})
    assert server.filled({"T": "{secret:U}", "U": "u"}) == {"A": "{secret:U}", "B": "u"}
