"""The documentation page of the settings is the settings."""

from pathlib import Path

import pytest

from netra.settings import Settings
from netra.settings.load import variable
from netra.settings.reference import SECTIONS, render

PAGE = Path(__file__).parents[2] / "docs/reference/settings.md"


def test_the_page_is_what_the_settings_say_now() -> None:
    assert PAGE.read_text("utf-8") == render(), "run: python -m netra.settings.reference > docs/reference/settings.md"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented_with_a_sentence(field: str) -> None:
    assert f"| `{variable(field)}` |" in PAGE.read_text("utf-8")
    assert (Settings.model_fields[field].description or "").endswith(".")


def test_every_section_begins_with_a_setting() -> None:
    assert SECTIONS.keys() <= Settings.model_fields.keys()
    assert next(iter(Settings.model_fields)) in SECTIONS
