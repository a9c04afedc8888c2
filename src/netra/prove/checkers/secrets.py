"""Nothing secret is told: no password, token, key, trace or SQL in an answer, an error, a close or a log."""

from collections.abc import Iterator, Sequence

from netra.prove.checkers import Breach
from netra.prove.history import Seen


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `leaked` records."""
    for record in records:
        if record.kind == "leaked":
            who = f"user {record.user} was told" if record.user >= 0 else f"{record.name} holds"
            yield Breach("secrets", f"at {record.at:.1f} s {who} {record.data['what']}: …{record.data['excerpt']}…", (record,))
