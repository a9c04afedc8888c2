"""Write the sample usage logs of this folder: invented, the same every time, and shaped like the real thing.

python examples/data/generate.py [FOLDER]

Nobody made these requests. What is imitated is what a spend report should find: two busy stretches a working day and quiet
week-ends, a few users who cause most of the tokens, one feature whose prompts are far too long, and one expensive model
where a cheap one would do.
"""

import csv
import io
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20260504
DAYS = 14
BEGIN = datetime(2026, 5, 4, tzinfo=UTC)  # a Monday
REQUESTS = 3200
OBJECTS = 600
"""Rows of the JSON Lines file, which are the last ones of the CSV file as another tool would write them."""

# Feature: how often, the middle of its prompts and answers in tokens, the models it uses and how often each.
FEATURES = {
    "chat": (5, 900, 260, {"gpt-4o": 3, "gpt-4o-mini": 2}),
    "search": (4, 2400, 120, {"gpt-4o-mini": 1}),
    "summaries": (2, 7800, 420, {"claude-sonnet-4-5": 1}),
    "code-review": (1, 15500, 900, {"claude-sonnet-4-5": 3, "gpt-4o": 1}),
    "tagging": (3, 350, 12, {"gpt-4o": 4, "gpt-4o-mini": 1}),
}
USERS = [f"user-{number:02d}" for number in range(1, 41)]
# Requests by the hour of a working day, UTC: a morning, a lunch, a longer afternoon, and what runs at night.
HOURS = [2, 1, 1, 1, 1, 2, 4, 9, 18, 26, 28, 22, 12, 20, 29, 31, 27, 18, 9, 5, 4, 3, 3, 2]


@dataclass(frozen=True)
class Request:
    """One row."""

    timestamp: str
    input_tokens: int
    output_tokens: int
    model: str
    user: str
    feature: str
    latency_ms: float


def requests() -> list[Request]:
    """All requests in the order of their times."""
    source = random.Random(SEED)  # noqa: S311 - it has to come out the same, not to surprise anybody
    return sorted((_request(source) for _ in range(REQUESTS)), key=lambda request: request.timestamp)


def _request(source: random.Random) -> Request:
    day = source.choices(range(DAYS), [1 if day % 7 < 5 else 0.15 for day in range(DAYS)])[0]
    hour = source.choices(range(24), HOURS)[0]
    at = BEGIN + timedelta(days=day, hours=hour, milliseconds=source.randrange(3_600_000))
    feature = source.choices(list(FEATURES), [often for often, *_ in FEATURES.values()])[0]
    _, prompt, answer, models = FEATURES[feature]
    input_tokens = max(1, int(prompt * source.lognormvariate(0, 0.6)))
    output_tokens = max(1, int(answer * source.lognormvariate(0, 0.5)))
    model = source.choices(list(models), list(models.values()))[0]
    # Zipf's law: the first user makes twice as many requests as the second.
    user = source.choices(USERS, [1 / rank for rank in range(1, len(USERS) + 1)])[0]
    latency = 180 + input_tokens * 0.02 + output_tokens * source.uniform(8, 22)
    return Request(
        at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        input_tokens,
        output_tokens,
        model,
        user,
        feature,
        round(latency, 1),
    )


def as_csv(rows: list[Request]) -> str:
    """The rows as CSV, with the names that Netra itself uses."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(rows[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    return text.getvalue()


def as_json_lines(rows: list[Request]) -> str:
    """The rows as JSON Lines, nested and named as an OpenAI-compatible gateway logs them."""
    return "".join(json.dumps(value) + "\n" for value in map(_object, rows))


def _object(request: Request) -> dict[str, object]:
    return {
        "created_at": request.timestamp,
        "model": request.model,
        "usage": {"prompt_tokens": request.input_tokens, "completion_tokens": request.output_tokens},
        "metadata": {"user_id": request.user, "feature": request.feature},
        "duration_ms": request.latency_ms,
    }


def files() -> Iterator[tuple[str, str]]:
    """The name and the text of each file."""
    rows = requests()
    yield "generated-usage.csv", as_csv(rows)
    yield "generated-usage.jsonl", as_json_lines(rows[-OBJECTS:])


def main() -> None:
    """Write the files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, text in files():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
