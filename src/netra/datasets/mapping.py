"""Which column of a file is which canonical column.

A dataset has thirteen columns whatever its source calls them. A mapping names the source of each; what it leaves out is found
among the names that common tools write, compared without case and punctuation: `ContextTokens`, `context_tokens` and
`usage.context-tokens` are one name.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from netra.errors import InvalidInput

# Canonical column -> the names it goes by, most telling first. Units are part of a name: a bare `latency` or `cost` says
# neither seconds nor dollars, so it has to be mapped by somebody who knows. `spend` and `response_cost` are LiteLLM's names,
# and always dollars.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "at": (
        "timestamp", "at", "time", "datetime", "createdat", "starttime", "startedat", "requesttime", "date", "ts", "eventtime",
    ),
    "input_tokens": ("inputtokens", "prompttokens", "contexttokens", "tokensin", "numinputtokens", "promptcount"),
    "output_tokens": (
        "outputtokens", "completiontokens", "generatedtokens", "tokensout", "numoutputtokens", "completioncount",
    ),
    "model": ("model", "modelname", "modelid", "deployment", "deploymentname"),
    "user": ("user", "userid", "username", "useremail", "enduser", "enduserid", "customer", "customerid"),
    "feature": ("feature", "featurename", "application", "app", "service", "usecase", "project", "team"),
    "latency_ms": ("latencyms", "durationms", "elapsedms", "responsetimems", "latencymilliseconds", "durationmilliseconds"),
    "cost_usd": ("costusd", "totalcostusd", "spendusd", "priceusd", "spend", "responsecost"),
    # Only names of tools whose input tokens hold those from the cache: elsewhere the two are added.
    "cached_input_tokens": ("cachedinputtokens", "cachedprompttokens", "inputcachedtokens"),
    "session": ("sessionid", "session", "conversationid", "threadid"),
    "status": ("status", "outcome"),
    "requests": ("requests", "nummodelrequests", "numrequests", "requestcount"),
    # In some logs the instructions before a prompt have their own column, and only both together are what was sent.
    "instructions": ("systemprompt", "system", "systeminstruction", "systeminstructions", "instructions"),
    "prompt": (
        "messages", "inputmessages", "promptmessages", "prompt", "prompttext", "inputtext", "userprompt", "input", "inputs",
        "prompthash", "promptdigest", "promptsha256",
    ),
}  # fmt: skip
PROMPT_HASHES: Final = ("prompthash", "promptdigest", "promptsha256")
"""Of the names of a prompt, those of a hash: it tells whether two prompts are the same, and nothing else of them."""
COLUMNS: Final = tuple(SYNONYMS)
"""What a source can fill: the canonical columns, but for `line`, which is counted, and `instructions`, a part of `prompt`."""
REQUIRED: Final = ("input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Canonical column to source column, for the columns that the source has."""

    sources: Mapping[str, str]

    def positions(self, columns: Sequence[str]) -> dict[str, int | None]:
        """Where in `columns` each canonical column is, counted from 1; None where the source has none."""
        return {name: columns.index(self.sources[name]) + 1 if name in self.sources else None for name in COLUMNS}


def read_mapping(text: str | None) -> Mapping[str, str | None] | None:
    """The mapping that somebody wrote as JSON; None where nobody did. Raises `InvalidInput`."""
    if not text:
        return None
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError):
        mapping = None
    if not isinstance(mapping, dict) or not all(isinstance(column, str | None) for column in mapping.values()):
        raise InvalidInput("The mapping is a JSON object: canonical column to source column, or to null.", field="mapping")
    return mapping


def resolve(given: Mapping[str, str | None] | None, columns: Sequence[str]) -> ColumnMapping:
    """Return the mapping of `columns`: what is `given`, then what the names say.

    A column given as None is left empty even if a name would fit. Raises `InvalidInput` naming the field when the mapping
    speaks of a column that neither side has, or when the tokens cannot be found.
    """
    given = dict(given or {})
    for name, source in given.items():
        if name not in COLUMNS:
            raise InvalidInput(
                f"There is no column {name!r} to map to{_nearest(name, COLUMNS)}.", field="mapping", allowed=list(COLUMNS)
            )
        if source is not None and columns.count(source) != 1:
            problem = "more than once" if source in columns else f"not{_nearest(source, columns)}"
            raise InvalidInput(
                f"The file has the column {source!r} {problem}.", field=f"mapping.{name}", columns=list(columns[:100])
            )
    sources = {name: source for name, source in given.items() if source is not None}
    taken = set(sources.values())
    for name, synonyms in SYNONYMS.items():
        if name not in given and (source := find_column(synonyms, [c for c in columns if c not in taken])) is not None:
            sources[name] = source
            taken.add(source)
    for name in REQUIRED:
        if name not in sources:
            raise InvalidInput(
                f"No column of the file is known to hold {name}; say which one by the mapping.",
                field=f"mapping.{name}",
                columns=list(columns[:100]),
            )
    return ColumnMapping({name: sources[name] for name in COLUMNS if name in sources})


def find_column(synonyms: Iterable[str], columns: Sequence[str]) -> str | None:
    """The first column that goes by one of the names, written like those of `SYNONYMS`.

    Of a nested column the last part counts too, the shallowest first.
    """
    whole = {_plain(column): column for column in reversed(columns)}
    last = {_plain(column.rpartition(".")[2]): column for column in sorted(columns, key=lambda c: -c.count("."))}
    for names in (whole, last):
        for synonym in synonyms:
            if synonym in names:
                return names[synonym]
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
