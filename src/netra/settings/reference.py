"""The page `docs/reference/settings.md`, written from the settings themselves so that it cannot fall behind.

`python -m netra.settings.reference` prints it.
"""

import sys
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netra.settings.load import variable
from netra.settings.model import PRESETS, Derived, Settings
from netra.settings.units import Unit

# Each section of the page, by the setting it begins with.
SECTIONS: Final = {
    "environment": "The service",
    "data_dir": "Data and the database",
    "host_resolution": "Finding services from inside a container",
    "access_token_lifetime": "Sign-in",
    "max_frame_bytes": "Open sockets",
    "rollup_interval_ms": "The log",
    "run_lease": "Runs",
    "factory_preset": "The run factory",
    "model": "The model",
    "mcp_servers": "Tools of other servers",
    "loop_lag_threshold_ms": "Watching the event loop",
}

PREFACE: Final = """\
# Settings

Netra reads its settings once, when it starts. Each has a name in the environment and the same name, in lower case, with
hyphens and without `NETRA_`, as an option where a command takes it. What is given on the command line wins over the
environment, that over a `.env` file in the working directory (read in development only), that over the default.

- An unknown `NETRA_…` name stops the start and names the nearest known one; so does a value that a setting cannot have.
- An empty value counts as not given. `none` switches a setting off that can be off.
- Values are never executed, and `$NAME` or `~` in them is never expanded.
- Durations are in seconds, or a number with `ms`, `s`, `m`, `h` or `d`; sizes are in bytes, or with `KiB`, `MiB` or `GiB`.
- A `secret` is shown by no log line, error or `repr`.

This page is written from `src/netra/settings/model.py` by `python -m netra.settings.reference`."""


COSTS: Final = """
### What it costs and gains

`make bench ARGS="--only factory --quick"` measured this, on two shared cores; CPU times are medians.

| what | without | with |
|---|---|---|
| a connection of DuckDB is ready when a dataset is opened (`POOL_…`): CPU until a column is summed | 41 ms | 16 ms |
| the type of a step's result is kept (`CACHE_…`): CPU to look at it | 0.22 ms | 0.01 ms |
| memory of each connection that waits | | 4.1 MiB |

`make bench ARGS="--only presets --quick"` measured the presets on 26 November 2026 (two cores, Linux x86_64, Python 3.11.7),
one server after the other: 100 runs that do nothing, one at a time, then 10 runs of the team by 5 people at once. Percentiles
come from the histograms of `/metrics`, between whose bounds they are interpolated.

| measured | minimal | balanced | maximum_performance |
|---|---|---|---|
| connections that wait after the start | 2 | 20 | 100 |
| memory of the server and its PostgreSQL then | 177 MiB | 253 MiB | 573 MiB |
| datasets of the team opened on a connection that was ready | 35 % | 72 % | 100 % |
| context, p50 / p99 | 0.05 / 0.10 ms | 0.05 / 0.10 ms | 0.05 / 0.10 ms |
| agent, p50 / p99 | 0.18 / 1.0 ms | 0.20 / 5.0 ms | 0.19 / 0.48 ms |
| clean-up, p50 / p99 | 38 / 100 ms | 37 / 200 ms | 34 / 95 ms |
| start, to ready | 25 s | 23 s | 11 s |
| the 10 runs of the team, to the last | 44 s | 32 s | 18 s |

The machine did much else meanwhile (a load of 10 to 14), so the times of the last three lines say more of that than of the
presets. Clean-up holds the commit of the run's end; its target of 2 ms was missed by each. What a preset surely costs is
memory, and what it surely gains is that datasets find a connection ready.

- So at start `minimal` takes 8 MiB for connections that wait, `balanced` 81 MiB and `maximum_performance` 405 MiB. What nobody
  uses is given back after `POOL_REUSE_TIMEOUT`; from then on as many wait as were used at once.
- A connection is lent once. What shuts it in to one user's file cannot be undone, so it cannot be used again, and by the same
  token shows for ever that it was used: one that is ready is looked at for that before it gets a path of anybody.
- Nothing else of a run is pooled or cached. Its context is made of what was read for it and belongs to its user; an agent
  is immutable and made once; imports take far longer than their connection does; plans and secrets are read anew so that a
  change applies at once. `netra_factory_phase_seconds` in `/metrics` shows what context, agent and clean-up take, and
  `netra_factory_target_seconds` the targets; a target that is missed changes nothing else.
- `EXECUTION_TIMEOUT`, `MAX_CONCURRENT_PER_USER` and `POOL_MAX_SIZE` are limits, and cost nothing until they are reached.
"""


def render() -> str:
    """Return the whole page."""
    lines = [PREFACE]
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            lines.append(f"\n## {SECTIONS[name]}\n\n| name | default | meaning |\n|---|---|---|")
        lines.append(f"| `{variable(name)}` | {default_of(field)} | {_meaning(field)} |")
    lines.append("\n### What a preset changes\n")
    names = list(PRESETS["minimal"])
    lines.append("| setting | " + " | ".join(PRESETS) + " |\n|---" + "|---" * len(PRESETS) + "|")
    for name in names:
        cells = [preset.get(name, Settings.model_fields[name].default) for preset in PRESETS.values()]
        lines.append(f"| `{variable(name)}` | " + " | ".join(f"{cell:g}" for cell in cells) + " |")
    return "\n".join(lines) + "\n" + COSTS


def _marked(field: FieldInfo, kind: type) -> Any:
    return next((mark for mark in field.metadata if isinstance(mark, kind)), None)


def default_of(field: FieldInfo) -> str:
    """The default in Markdown, as an operator would write it."""
    if derived := _marked(field, Derived):
        return str(derived.text)
    if field.default is None or field.default is PydanticUndefined or field.default in ((), {}):
        return "none"
    unit = _marked(field, Unit)
    return f"{_shortest(field.default, unit.factors)}" if unit and unit.factors else f"`{field.default}`"


def is_secret(field: FieldInfo) -> bool:
    """Whether the value is one that is never shown."""
    return "Secret" in str(field.annotation)


def _shortest(amount: float, factors: Mapping[str, float]) -> str:
    """Return `amount` with the largest suffix that leaves a whole number, as an operator would write it."""
    largest_first = sorted(factors.items(), key=itemgetter(1), reverse=True)
    suffix, factor = next((s, f) for s, f in largest_first if amount / f == int(amount / f))
    return f"`{amount / factor:g}{suffix}`"


def _meaning(field: FieldInfo) -> str:
    unit = _marked(field, Unit)
    notes = [unit.name] if unit else []
    if is_secret(field):
        notes.append("secret")
    return (field.description or "") + (f" ({', '.join(notes)})" if notes else "")


if __name__ == "__main__":
    sys.stdout.write(render())
