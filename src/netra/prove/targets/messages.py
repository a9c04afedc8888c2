"""What agents of other servers are asked for: a message, because that is all that every agent understands."""

from netra.prove.targets import Work


def message(work: Work) -> str:
    """Words that any agent can answer; one that is made for a proof takes its orders from them."""
    return f"{work.text} steps={work.steps} delay_ms={work.delay_ms} fail={int(work.fail)}"
