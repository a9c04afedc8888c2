"""This server's settings in plain values, for administrators (see `netra.tools.administration`). No secret is among them."""

import shlex
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from netra.settings import Settings
from netra.settings.load import InvalidSetting, UnknownSetting, propose, variable
from netra.settings.reference import default_of, is_secret
from netra.tools.administration import HIDDEN, Configuration, Proposal, SettingFact


def configuration_of(settings: Settings) -> Configuration:
    """What a server with these settings says of them."""
    facts = [_fact(settings, name, field) for name, field in Settings.model_fields.items()]
    return Configuration(facts, lambda values: _proposal(settings, values))


def _fact(settings: Settings, name: str, field: FieldInfo) -> SettingFact:
    value = getattr(settings, name)
    return SettingFact(
        name=variable(name),
        value=_hidden(value) if is_secret(field) else to_jsonable_python(value),
        default=default_of(field).replace("`", ""),
        changed=name in settings.model_fields_set and value != field.default,
        meaning=field.description or "",
    )


def _hidden(value: Any) -> str | None:
    return HIDDEN if value else None


def _proposal(settings: Settings, values: Mapping[str, str]) -> Proposal:
    try:
        propose(settings, values)
    except (UnknownSetting, InvalidSetting) as error:
        return Proposal(error.detail)
    secret = {variable(name) for name, field in Settings.model_fields.items() if is_secret(field)}
    # A secret that was typed here has been shown to enough already.
    return Proposal(
        None, tuple(f"{name}={'…' if name in secret else shlex.quote(value)}" for name, value in sorted(values.items()))
    )
