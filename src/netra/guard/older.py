"""Programs that are written for Python 2, as a whole: what looks like newer syntax in one of their files is not."""

from netra.guard.analysis import Analysis
from netra.guard.settings import top_of
from netra.guard.source.parsing import OF_PYTHON_2


def of_python_2(analysis: Analysis) -> frozenset[str]:
    """The outermost packages of which some file holds what only Python 2 reads."""
    return frozenset(
        top_of(module)
        for module in analysis.modules
        if any(each.message.startswith(OF_PYTHON_2) for each in module.file.problems)
    )
