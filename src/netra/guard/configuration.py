"""`[tool.netra-guard]` in pyproject.toml, and what the command line says over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from netra.guard.faults import CERTAIN

PER_FILE: Final = "per-file-ignores"


class ConfigurationInvalid(Exception):
    """The configuration has a key that does not exist, or a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class GuardConfiguration:
    """What somebody decided. A list in the file is a tuple here; a code may be a family: `A`, `A1`, `A101`."""

    select: tuple[str, ...] = ()
    """Codes to report; none: every rule that is on by default."""
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Paths to leave out, as `Path.match` understands them: `migrations/*`."""
    owner: tuple[str, ...] = ()
    """Modules that may touch the environment: `pkg.config`, and all below it. None: guard looks for them."""
    accessor: str = ""
    """The function that reads the environment for others, as `pkg.env.get_env`."""
    entry_points: tuple[str, ...] = ()
    """Functions that something outside calls, beside those of the known frameworks: `pkg.jobs.run`, `pkg.jobs.*`."""
    public: tuple[str, ...] = ()
    """Packages and modules whose names are promised to others: `pkg.api`, and all below it. None: guard looks for them."""
    baseline: str = ""
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Codes that are not reported in some files: path, in which `*` stands for any letters, slashes too → codes or families."""
    confidence: str = ""
    """`high`: only what guard is certain of. None: what is likely, too."""
    python: str = ""
    """An interpreter or environment with the packages that the program imports. None: the `.venv` beside it, if any."""

    @property
    def codes(self) -> frozenset[str]:
        """Every code and family that is named somewhere."""
        return frozenset((*self.select, *self.ignore, *(code for _, codes in self.per_file_ignores for code in codes)))

    def selects(self, code: str, *, default: bool) -> bool:
        """Whether a rule is on. What is selected by its whole code is on even when its family is ignored."""
        if code in self.select:
            return True
        if any(code.startswith(each) for each in self.ignore):
            return False
        if self.select:
            return any(code.startswith(each) for each in self.select)
        return default

    def lets_pass(self, code: str, path: str) -> bool:
        """Whether findings of this code are not wanted in this file."""
        return any(
            fnmatchcase(path, pattern) and any(code.startswith(each) for each in codes)
            for pattern, codes in self.per_file_ignores
        )

    def overridden(self, given: Mapping[str, Any]) -> "GuardConfiguration":
        """This one, with what the command line gives in place of what the file says."""
        return replace(self, **{name: value for name, value in given.items() if value})


def load(folder: Path) -> GuardConfiguration:
    """What the nearest pyproject.toml at or above a folder says. Raises ConfigurationInvalid."""
    for at in (folder, *folder.parents):
        file = at / "pyproject.toml"
        if file.is_file():
            try:
                table = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get("netra-guard", {})
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigurationInvalid(f"{file}: {error}") from error
            return of_table(table)
    return GuardConfiguration()


def of_table(table: Mapping[str, Any]) -> GuardConfiguration:
    """A table of the file as a configuration. Raises ConfigurationInvalid."""
    known = {field.name.replace("_", "-"): field for field in fields(GuardConfiguration)}
    given: dict[str, Any] = {}
    for key, value in table.items():
        field = known.get(key)
        if field is None:
            near = get_close_matches(key, known, 1, 0.5)
            meant = f"did you mean `{near[0]}`?" if near else f"it knows {', '.join(sorted(known))}"
            raise ConfigurationInvalid(f"[tool.netra-guard] has no `{key}`; {meant}")
        if key == PER_FILE:
            given[field.name] = _per_file(value)
            continue
        wants_text = isinstance(field.default, str)
        fits = (
            isinstance(value, str) if wants_text else isinstance(value, list) and all(isinstance(each, str) for each in value)
        )
        if not fits:
            raise ConfigurationInvalid(f"[tool.netra-guard] `{key}` is {'a text' if wants_text else 'a list of texts'}")
        if field.name == "confidence" and value not in ("", CERTAIN):
            raise ConfigurationInvalid(f"[tool.netra-guard] `{key}` is {CERTAIN!r}, or is left out")
        given[field.name] = value if wants_text else tuple(value)
    return GuardConfiguration(**given)


def _per_file(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict) or not all(
        isinstance(codes, list) and all(isinstance(each, str) for each in codes) for codes in value.values()
    ):
        raise ConfigurationInvalid(f'[tool.netra-guard] `{PER_FILE}` is a table of lists of texts: {{ "tests/*" = ["E"] }}')
    return tuple((pattern, tuple(codes)) for pattern, codes in value.items())
