"""`netra keys`, as an operator uses it."""

import asyncio

from netra.auth.sign_in import SignIn
from netra.cli.keys import app
from netra.db.database import Database
from netra.errors import Unauthenticated
from tests.cli.conftest import PASSWORD, Operator, Rows
from tests.fixtures.sign_in import ISSUER, quick_passwords


def test_the_list_begins_with_the_key_that_signs(operator: Operator) -> None:
    first = operator(app, "list")
    assert first.exit_code == 0, first.output
    (line,) = first.stdout.splitlines()
    assert line.endswith("signs")
    assert operator(app, "rotate").exit_code == 0
    newest, oldest = operator(app, "list").stdout.splitlines()
    assert newest.endswith("signs")
    assert oldest.split()[0] == line.split()[0]
    assert "verifies until" in oldest


def test_a_rotation_names_the_new_key_and_is_audited(operator: Operator, rows: Rows) -> None:
    kid = operator(app, "rotate").stdout.split()[-1]
    assert rows("SELECT kid FROM signing_key WHERE retired_at IS NULL") == [(kid,)]
    assert rows("SELECT action, user_id, detail FROM audit") == [
        ("signing_key_rotated", None, {"kid": kid, "old_dropped": False})
    ]


def test_a_rotation_signs_nobody_out_unless_the_old_keys_are_dropped(operator: Operator, database_url: str) -> None:
    async def who_is(token: str | None) -> tuple[str, str]:
        """A process that starts now: the token it is shown, or a new one, and whose it takes it for."""
        async with (
            Database.open(database_url, pool_size=2) as database,
            SignIn.open(database, issuer=ISSUER, passwords=quick_passwords()) as sign_in,
        ):
            if token is None:
                token = (await sign_in.register("carol@example.com", PASSWORD))[0].access_token
            try:
                return token, (await sign_in.identities.authenticate(token)).email
            except Unauthenticated:
                return token, "nobody"

    token, _ = asyncio.run(who_is(None))
    operator(app, "rotate")
    assert asyncio.run(who_is(token))[1] == "carol@example.com"
    assert operator(app, "rotate", "--drop-old").exit_code == 0
    assert asyncio.run(who_is(token))[1] == "nobody"
    assert len(operator(app, "list").stdout.splitlines()) == 1


def test_no_private_key_is_shown(operator: Operator, rows: Rows) -> None:
    shown = operator(app, "rotate").output + operator(app, "list").output
    ((pem,),) = rows("SELECT private_key FROM signing_key WHERE retired_at IS NULL")
    assert not any(line in shown for line in pem.splitlines())
    assert "PRIVATE" not in shown


def test_every_command_explains_itself_and_shows_an_example(operator: Operator) -> None:
    for command in ("list", "rotate"):
        assert f"netra keys {command}" in operator(app, command, "--help").stdout
    assert "leaked" in operator(app, "rotate", "--help").stdout
