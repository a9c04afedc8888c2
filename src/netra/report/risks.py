"""The risks that no single test shows: users who meet, and results that depend on who comes first."""

from typing import Final

import msgspec

from netra.report.model import ComparedDefect, RegressionReport, Risk, Source, Trend

HIDDEN: Final = (
    (Risk.ISOLATION, "Isolation: may users meet?"),
    (Risk.RACE, "Races: does it matter who comes first?"),
)


class RiskSection(msgspec.Struct, frozen=True):
    """What is open of one kind, and what nobody has looked at."""

    risk: Risk
    title: str
    open: tuple[ComparedDefect, ...]
    blind: tuple[str, ...]
    """Why more may be there."""

    @property
    def words(self) -> str:
        """The section in a sentence. It says that there is none only where both the code and a server were looked at."""
        if self.open:
            number = len(self.open)
            return f"{number} {'is' if number == 1 else 'are'} open."
        return "Unknown: none was seen, and not everything was looked at." if self.blind else "None was seen."


def risks(report: RegressionReport) -> tuple[RiskSection, ...]:
    """Isolation and races, whatever else there is."""
    blind = []
    for source, what in ((Source.GUARD, "the code was not read for them"), (Source.PROVE, "no server was attacked for them")):
        evidence = report.from_source(source)
        if evidence is None:
            blind.append(f"{source.silence}: {what}")
        elif evidence.stale:
            blind.append(f"what {source} says is old: {evidence.stale}")
        else:
            blind += [f"{source}: {doubt}" for doubt in evidence.doubts]
    unsorted = sum(each.defect.risk is Risk.BEHAVIOUR for each in report.of_concern)
    if unsorted:
        blind.append(f"{unsorted} {'test fails' if unsorted == 1 else 'tests fail'} or may fail: read what they promise")
    return tuple(
        RiskSection(
            risk,
            title,
            tuple(each for each in report.defects if each.defect.risk is risk and each.trend is not Trend.FIXED),
            tuple(blind),
        )
        for risk, title in HIDDEN
    )
