"""Where each setting comes from: the command line, else the environment, else `.env` (in development), else its default.

A misspelt setting that is silently ignored is the worst kind of outage, the one nobody notices, so an unknown `NETRA_*`
name stops the start. No message here repeats a value: it may be a secret, or a secret given to the wrong name.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from netra.env import read_dotenv
from netra.errors import NetraError
from netra.settings.model import PRESETS, Settings

PREFIX: Final = "NETRA_"
DOTENV: Final = Path(".env")


class UnknownSetting(NetraError):
    """There is no setting of that name."""

    code = "unknown_setting"


class InvalidSetting(NetraError):
    """A setting does not have a value that it can have."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True)
class Given:
    """A value and how the operator named it, for example `NETRA_PORT`, `--port` or `NETRA_PORT in .env`."""

    value: Any
    origin: str


def load(
    environment: Mapping[str, str], command_line: Mapping[str, Any] | None = None, *, dotenv_file: Path = DOTENV
) -> Settings:
    """Return the settings that `environment` (usually `get_env()`) and `command_line` give.

    `command_line` has the fields' names; a value of None means that the option was not given. An empty text in the
    environment means the same, because that is what `NETRA_PORT=` in a compose file says.

    Raises UnknownSetting, with the nearest known names, and InvalidSetting, with every setting that is wrong.
    """
    options = {name: Given(value, "--" + name.replace("_", "-")) for name, value in (command_line or {}).items()}
    given = dict(_read(environment, "")) | {name: option for name, option in options.items() if option.value is not None}
    _refuse_unknown(given, in_kubernetes="KUBERNETES_SERVICE_HOST" in environment)
    where = given.get("environment")
    if where is None or where.value == "development":
        from_file = dict(_read(read_dotenv(dotenv_file), " in .env"))
        _refuse_unknown(from_file, in_kubernetes=False)
        if from_file.get("environment", Given("development", "")).value != "development":
            # Otherwise a forgotten `.env` would turn a laptop's settings into production's.
            raise InvalidSetting(f"{PREFIX}ENVIRONMENT in .env: that file is only read in development.")
        given = from_file | given
    return _validated(given)


def propose(settings: Settings, values: Mapping[str, str]) -> Settings:
    """Return what `settings` would be with these values in the environment as well. Raises as `load` does."""
    given = {name: Given(getattr(settings, name), variable(name)) for name in settings.model_fields_set}
    if variable("factory_preset") in values:
        # What the old preset chose, and nobody else, goes with it.
        for name, chosen in PRESETS.get(str(settings.factory_preset), {}).items():
            if name in given and given[name].value == chosen:
                del given[name]
    for name, value in values.items():
        known = name.startswith(PREFIX) and name.isupper()
        given[name.removeprefix(PREFIX).lower() if known else name] = Given(value, name)
    _refuse_unknown(given, in_kubernetes=False)
    return _validated({name: entry for name, entry in given.items() if entry.value != ""})


def _validated(given: Mapping[str, Given]) -> Settings:
    try:
        return Settings.model_validate({name: entry.value for name, entry in given.items()})
    except ValidationError as error:
        raise InvalidSetting(_explain(error, given)) from None


def variable(field: str) -> str:
    """Return the environment variable of the setting `field`."""
    return PREFIX + field.upper()


def _read(values: Mapping[str, str], where: str) -> Iterator[tuple[str, Given]]:
    """Yield the field name and value of each `NETRA_*` name in `values` that has one."""
    for name, value in values.items():
        if name.startswith(PREFIX) and value:
            # A name that is not in capitals is kept as it is, so that it is refused and not half understood.
            yield name.removeprefix(PREFIX).lower() if name.isupper() else name, Given(value, name + where)


def _refuse_unknown(given: Mapping[str, Given], *, in_kubernetes: bool) -> None:
    unknown = [given[name] for name in given if name not in Settings.model_fields]
    if not unknown:
        return
    known = [variable(field) for field in Settings.model_fields]
    lines = []
    for entry in unknown:
        close = difflib.get_close_matches(entry.origin.removesuffix(" in .env").upper(), known, n=1)
        lines.append(f"{entry.origin} is not a setting" + (f"; did you mean {close[0]}?" if close else "."))
    if in_kubernetes:
        lines.append("Kubernetes adds such names for a Service called netra: set enableServiceLinks: false in the pod.")
    raise UnknownSetting("\n".join(lines))


def _explain(error: ValidationError, given: Mapping[str, Given]) -> str:
    """Return one line for each setting that is wrong, with its name and what it must be, never its value."""
    lines: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        # A default that could not be derived only says that another setting is wrong, which has its own line.
        if item["type"] != "default_factory_not_called":
            field = str(item["loc"][0])
            name = given[field].origin if field in given else variable(field)
            lines.setdefault(name, f"{name}: {item['msg'].removeprefix('Value error, ')}.")
    return "\n".join(lines.values())
