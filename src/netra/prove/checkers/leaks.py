"""What clients and runs have used is given back: files, threads and memory of the servers return to where they were, and
little is kept for a reader who takes nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations
from netra.prove.targets import Ability

# Of a server at a URL it can be seen at least whether it lets go of those who have vanished, over sockets.
NEEDS: Final = frozenset({Ability.SOCKETS})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `measured` records that say when they were taken and how much more is fair (`room`).

    `before` is compared with `after`; what was `kept` is compared with nothing. And operations `vanish`: a client that is
    gone without a word has its connection closed within `limit` seconds.
    """
    taken: dict[tuple[str, str], dict[str, Seen]] = defaultdict(dict)
    for record in records:
        if record.kind == "measured" and record.data.get("when") in ("before", "after"):
            taken[record.name, record.data.get("process", "")][record.data["when"]] = record
        if record.kind == "measured" and record.data.get("when") == "kept" and record.data["value"] > record.data["room"]:
            held = f"{record.data['value']:.0f} {record.name} of user {record.user}"
            yield Breach(
                "leaks", f"at {record.at:.1f} s {held} were kept (at most {record.data['room']:.0f} are fair)", (record,)
            )
    for (quantity, process), both in taken.items():
        if len(both) == 2:
            before, after = both["before"].data, both["after"].data
            if after["value"] > before["value"] + after["room"]:
                yield Breach("leaks", _words(quantity, process, before, after), (both["before"], both["after"]))
    for each in operations(records):
        if each.name == "vanish" and each.outcome is not None and each.result == "ok":
            limit, closed = each.invoke.data["limit"], each.outcome.data["closed"]
            if not closed or (each.seconds or 0.0) > limit:
                when = f"after {each.seconds:.1f} s" if closed else "never"
                witness = (
                    f"user {each.user} was gone without a word at {each.invoke.at:.1f} s, and the server let go of them {when}"
                )
                yield Breach("leaks", f"{witness} (it has {limit:g} s)", (each.invoke, each.outcome))


def _words(quantity: str, process: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    of = f" of {process}" if process else ""
    fair = f"at most {after['room']:g} more is fair"
    return f"{quantity}{of}: {before['value']:g} before, {after['value']:g} after everybody had gone ({fair})"
