"""The only door to the process environment.

A variable read in the middle of a program is an input nobody sees: tests cannot set it for one user, a run cannot be kept
from its neighbour's, and nobody can list what the program depends on. So this module alone reads `os.environ`; everybody
else asks `get_env()`, which shows the process environment under the overrides of the task that asks. Values are text: they
are never executed, and `$NAME` or `~` in them is never expanded.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Final

import dotenv

from netra.errors import NetraError

# What a program needs in order to start and to speak the user's language, and nothing that says who we are or what we
# know. Proxy variables are left out on purpose: their URLs often carry a password.
INHERITED_NAMES: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_RUNTIME_DIR"),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    }
)
INHERITED_PREFIXES: Final = ("LC_",)

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})

_overrides: ContextVar[Mapping[str, str | None]] = ContextVar("netra_environment_overrides", default=MappingProxyType({}))


class InvalidVariable(NetraError):
    """An environment variable does not hold what its name promises."""

    code = "invalid_variable"


class Environment(Mapping[str, str]):
    """A read-only view of names and texts. Its `repr` counts the names and shows no value, for values may be secrets."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Environment of {len(self)} names>"

    def boolean(self, name: str, default: bool) -> bool:
        """Return the truth that `name` spells (1, true, yes, on; 0, false, no, off), or `default` where it is not set."""
        if name not in self:
            return default
        word = self[name].strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise InvalidVariable(f"{name} must be one of 1, true, yes, on, 0, false, no, off.")
        return word in TRUE_WORDS

    def integer(self, name: str, default: int) -> int:
        """Return the whole number that `name` spells, or `default` where it is not set."""
        try:
            return int(self[name]) if name in self else default
        except ValueError:
            raise InvalidVariable(f"{name} must be a whole number.") from None

    def number(self, name: str, default: float) -> float:
        """Return the number that `name` spells, or `default` where it is not set."""
        try:
            return float(self[name]) if name in self else default
        except ValueError:
            raise InvalidVariable(f"{name} must be a number.") from None

    def snapshot(self) -> "Environment":
        """Return a copy that no later change reaches."""
        return Environment(MappingProxyType(dict(self)))


class _ProcessValues(Mapping[str, str]):
    """`os.environ` as the present task sees it: its overrides first, `None` among them hiding a name."""

    def __getitem__(self, name: str) -> str:
        overrides = _overrides.get()
        value = overrides[name] if name in overrides else os.environ.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        overrides = _overrides.get()
        names = dict.fromkeys([*os.environ, *overrides])
        return (name for name in names if overrides.get(name, "") is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_process = Environment(_ProcessValues())


def get_env() -> Environment:
    """Return the process environment as the present task sees it. It is a live view; `snapshot()` keeps it still."""
    return _process


@contextmanager
def override(values: Mapping[str, str | None]) -> Iterator[Environment]:
    """Within the block, show `values` instead of what the process has; `None` removes a name.

    Only the task that entered the block sees it, with the tasks and `asyncio.to_thread` calls that it starts inside; the
    process environment is never written, so nothing leaks to a neighbour or outlives the block. Blocks nest.
    """
    token = _overrides.set(MappingProxyType({**_overrides.get(), **values}))
    try:
        yield _process
    finally:
        _overrides.reset(token)


def for_subprocess(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for a child process: the harmless names of this one (`INHERITED_NAMES`), and `extra`.

    An allow-list, because a list of what must not be passed on is always one secret behind.
    """
    inherited = {
        name: value
        for name, value in get_env().items()
        if name.upper() in INHERITED_NAMES or name.upper().startswith(INHERITED_PREFIXES)
    }
    return {**inherited, **(extra or {})}


def read_dotenv(path: Path) -> Environment:
    """Return the names and values that the `.env` file at `path` sets; none when there is no such file.

    Nothing is exported to the process and `$NAME` stays as it is written. A name without `=` sets nothing.
    """
    values = dotenv.dotenv_values(path, interpolate=False, encoding="utf-8")
    return Environment({name: value for name, value in values.items() if value is not None})
