import base64
from typing import Any

import pytest

from netra.errors import Unauthenticated
from netra.gateway.handshake import Credential, OriginNotAllowed, check_origin, choose_subprotocol, read_credential

ALLOWED = frozenset({"https://netra.example", "http://localhost:8000"})


def request(*headers: tuple[str, str], protocols: list[str] | None = None, query: str = "") -> dict[str, Any]:
    return {
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "subprotocols": protocols or [],
        "query_string": query.encode(),
    }


def carried(token: str) -> str:
    return "jwt." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


@pytest.mark.parametrize("origin", sorted(ALLOWED))
def test_an_allowed_origin_passes(origin: str) -> None:
    check_origin(request(("Origin", origin))["headers"], ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://netra.example",
        "https://netra.example:8443",
        "https://netra.example:443",
        "https://NETRA.example",
        "HTTPS://netra.example",
        "https://netra.example/",
        "https://netra.example.evil.example",
        "https://evilnetra.example",
        "https://netra.example@evil.example",
        "http://localhost",
        "http://localhost:8001",
        "http://127.0.0.1:8000",
        " https://netra.example",
        "https://netra.example, https://evil.example",
        "https://netra.еxample".encode().decode("latin-1"),
    ],
)
def test_an_origin_that_differs_in_anything_is_refused(origin: str) -> None:
    with pytest.raises(OriginNotAllowed):
        check_origin(request(("Origin", origin))["headers"], ALLOWED)


def test_a_missing_origin_is_refused_and_so_are_two() -> None:
    with pytest.raises(OriginNotAllowed):
        check_origin(request()["headers"], ALLOWED)
    both = request(("Origin", "https://netra.example"), ("Origin", "https://evil.example"))
    with pytest.raises(OriginNotAllowed):
        check_origin(both["headers"], ALLOWED)


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ([], None),
        (["netra.v1"], "netra.v1"),
        (["jwt.abc", "netra.v1"], "netra.v1"),
        (["jwt-auth", "jwt.abc"], "jwt-auth"),
        (["jwt-auth", "netra.v1"], "netra.v1"),
        (["jwt.abc"], None),
        (["graphql-ws"], None),
    ],
)
def test_the_server_selects_its_own_subprotocol_and_never_the_one_with_the_token(
    offered: list[str], selected: str | None
) -> None:
    assert choose_subprotocol(offered) == selected


def test_proof_is_taken_in_the_order_header_subprotocol_ticket() -> None:
    header = ("Authorization", "Bearer one")
    assert read_credential(request(header, protocols=[carried("two")], query="ticket=three")) == Credential("bearer", "one")
    assert read_credential(request(protocols=["netra.v1", carried("two")], query="ticket=three")) == Credential("bearer", "two")
    assert read_credential(request(query="ticket=three")) == Credential("ticket", "three")
    assert read_credential(request(query="token=never&access_token=never")) is None


def test_padding_of_the_carried_token_is_optional() -> None:
    for token in ("a", "ab", "abc", "abcd", "ey.J-_9"):
        assert read_credential(request(protocols=[carried(token)])) == Credential("bearer", token)


@pytest.mark.parametrize(
    "scope",
    [
        request(("Authorization", "Bearer ")),
        request(("Authorization", "Basic YTpi"), query="ticket=good"),
        request(("Authorization", "Bearer a"), ("Authorization", "Bearer b")),
        request(("Authorization", "Bearer " + "a" * 9000)),
        request(protocols=["jwt."]),
        request(protocols=["jwt.!!!"]),
        request(protocols=["jwt." + base64.urlsafe_b64encode(b"\xff\xfe").decode()]),
        request(protocols=[carried("a"), carried("b")]),
        request(query="ticket="),
        request(query="ticket=a&ticket=b"),
        request(query="ticket=" + "a" * 9000),
    ],
)
def test_a_malformed_offer_is_refused_and_never_falls_through_to_the_next(scope: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        read_credential(scope)


def test_a_credential_does_not_show_its_secret() -> None:
    assert "hunter2" not in repr(Credential("bearer", "hunter2"))
