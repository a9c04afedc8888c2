"""What many trials say together: how many faults of each family and operator were found, and what became of the rest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from tests.guard.accuracy.judged import interval
from tests.guard.mutation.trial import FOUND, Outcome


def share(outcomes: Sequence[Outcome]) -> str:
    """ "12 of 15 (0.80)"."""
    found = sum(each.became == FOUND for each in outcomes)
    return f"{found} of {len(outcomes)} ({found / len(outcomes):.2f})" if outcomes else "none"


def tables(outcomes: Sequence[Outcome]) -> str:
    """Recall by family, by operator and by kind, and the misses, in Markdown."""
    lines = ["| family | all | known to the witness | 95 % interval of that |", "|---|---|---|---|"]
    lines += [f"| {family} | {_both(group)} | {_interval(group)} |" for family, group in _by(outcomes, lambda one: one.family)]
    lines += ["", "| operator | all | known to the witness | found as |", "|---|---|---|---|"]
    for name, group in _by(outcomes, lambda one: f"{one.family} {one.operator}"):
        codes = Counter(code for each in group for code in each.codes)
        lines.append(f"| {name} | {_both(group)} | {', '.join(f'{code} {count}' for code, count in codes.most_common(4))} |")
    lines += ["", "| operator | kind | all | known to the witness |", "|---|---|---|---|"]
    kinds = [each for each in outcomes if each.kind]
    lines += [f"| {name} | {_both(group)} |" for name, group in _by(kinds, lambda one: f"{one.operator} | {one.kind}")]
    lines += ["", "| family | why it was missed | how many | of them known | for example |", "|---|---|---|---|---|"]
    lost = [each for each in outcomes if each.became != FOUND]
    for name, group in _by(lost, lambda one: f"{one.family} | {one.became}"):
        examples = sorted(group, key=lambda one: not one.known)[:3]
        named = ", ".join(f"{one.operator}: {one.package} {one.path}:{one.line}" for one in examples)
        lines.append(f"| {name} | {len(group)} | {sum(one.known for one in group)} | {named} |")
    return "\n".join(lines) + "\n"


def _both(group: Sequence[Outcome]) -> str:
    return f"{share(group)} | {share([each for each in group if each.known])}"


def _interval(group: Sequence[Outcome]) -> str:
    known = [each for each in group if each.known]
    low, high = interval(sum(each.became == FOUND for each in known), len(known))
    return f"{low:.2f} to {high:.2f}"


def _by(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> Iterator[tuple[str, list[Outcome]]]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        groups[key(each)].append(each)
    return iter(sorted(groups.items()))
