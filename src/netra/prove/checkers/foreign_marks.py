"""Nobody is shown a mark of another user: not in an event, an answer, a log, a metric, a trace or a report."""

from collections.abc import Iterator, Sequence

from netra.prove.checkers import Breach
from netra.prove.history import Seen


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `foreign` records."""
    for record in records:
        if record.kind == "foreign":
            where = record.data.get("where", record.name)
            who = f"user {record.user} received" if record.user >= 0 else f"the server wrote into {record.name}"
            witness = (
                f"at {record.at:.1f} s {who} the mark of user {record.data['owner']} in {where}: …{record.data['excerpt']}…"
            )
            yield Breach("foreign-marks", witness, (record,))
