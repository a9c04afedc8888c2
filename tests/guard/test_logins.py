"""A password that a database or a cache asks for lets nobody in here."""

import pytest

from netra.guard.logins import is_login_elsewhere
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("name", "fields", "elsewhere"),
    [
        ("DatabaseSettings", "server port password", True),
        ("RedisSettings", "host db_index password", True),
        ("Store", "host user db password", True),
        ("Settings", "host port password", False),
        ("Settings", "host port user password", False),
        ("DatabaseSettings", "password", False),
        ("DatabaseSettings", "host port root_password", False),
    ],
)
def test_the_fields_beside_it_say_whose_it_is(name: str, fields: str, *, elsewhere: bool) -> None:
    text = "".join(f"    {each}: str = 'x'\n" for each in fields.split())
    (module,) = analysed(f"class {name}:\n{text}").modules
    (kind,) = module.classes
    assert is_login_elsewhere(fields.rsplit(maxsplit=1)[-1], kind) is elsewhere
