"""What a defect means for users: by guard's families and rules, and by prove's promises. The rest speaks for itself."""

from typing import Final

from netra.report.model import Risk

FAMILIES: Final[dict[str, tuple[Risk, str]]] = {
    "A": (Risk.DELIVERY, "Work that was asked for may silently not be done, or its answer is no answer."),
    "D": (Risk.AVAILABILITY, "Changes may be lost or half done, and connections run out until nobody is served."),
    "E": (Risk.TRUST, "A server may run with other settings than its operator believes."),
    "G": (Risk.TRUST, "This file was not looked at as a whole: whatever is wrong in it stays unseen."),
    "M": (Risk.AVAILABILITY, "Whoever gets there is answered with an error."),
    "S": (Risk.ISOLATION, "What belongs to one user may be shown to another, or be changed by them."),
    "T": (Risk.TRUST, "A test passes whatever the code does, so nobody notices when its promise is broken."),
}

RULES: Final[dict[str, tuple[Risk, str]]] = {
    "A112": (Risk.RACE, "A task may be collected before it is done: work disappears now and then."),
    "A113": (Risk.RACE, "The request waits for itself and never ends, and everybody behind it waits too."),
    "D101": (Risk.RACE, "Requests at the same moment use one database session: answers and changes get mixed up."),
    "D106": (Risk.RACE, "Requests at the same moment use one connection: answers and changes get mixed up."),
    "D110": (Risk.ISOLATION, "What is set for one user stays on the connection, and the next user works with it."),
    "S107": (Risk.RACE, "Two requests at the same moment both pass the check: an allowance is used twice, an entry lost."),
    "S109": (Risk.RACE, "Requests at the same moment break each other off: errors, or entries that are passed over."),
}

PROMISES: Final[dict[str, tuple[Risk, str]]] = {
    "access": (Risk.ISOLATION, "Somebody who may not do something can, or learns that it is there."),
    "effects": (Risk.RACE, "What users ask for once may be done twice or never, and be paid for accordingly."),
    "fairness": (Risk.AVAILABILITY, "One user's load makes everybody else wait."),
    "foreign-marks": (Risk.ISOLATION, "A user was shown what belongs to another."),
    "leaks": (Risk.AVAILABILITY, "The server fills up until it stops serving."),
    "order": (Risk.DELIVERY, "Users see events missing, twice, or in the wrong order."),
    "plan-changes": (Risk.ISOLATION, "Users keep what they no longer have, or wait for what they have paid for."),
    "quotas": (Risk.RACE, "Users get more than their plan allows, or less."),
    "recovery": (Risk.AVAILABILITY, "After a fault users are left without service."),
    "resumes": (Risk.DELIVERY, "Whoever comes back misses events, or sees them again."),
    "run-ends": (Risk.DELIVERY, "Users wait for an end that never comes, or see two."),
    "secrets": (Risk.ISOLATION, "A secret can be read by somebody whom it does not belong to."),
}


def of_rule(code: str, reach: tuple[str, ...]) -> tuple[Risk, str]:
    """The risk and the impact of a finding, with the routes on which users meet it."""
    risk, words = RULES.get(code) or FAMILIES.get(code[:1]) or (Risk.TRUST, "Nothing is written down about this rule.")
    if not reach:
        return risk, words
    more = f" and {len(reach) - 3} more" if len(reach) > 3 else ""
    return risk, f"{words} Reached by {', '.join(reach[:3])}{more}."


def of_promise(checker: str, promise: str) -> tuple[Risk, str]:
    """The risk and the impact of a broken promise; one that is not known here is told in its own words."""
    return PROMISES.get(checker, (Risk.TRUST, f"This does not hold: {promise}"))
