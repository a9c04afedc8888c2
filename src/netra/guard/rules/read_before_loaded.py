"""E108."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.dotenv_order import early_reads
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.rule import rule
from netra.guard.values import Step

# So many reads of one module are shown.
MOST: Final = 8


@rule("E108", "read-before-loaded", hesitant=True)
def read_before_loaded(analysis: Analysis) -> Iterator[Sighting]:
    """A module has read the environment while it was imported, before the `.env` file is loaded.

    A constant of a module, a field of a class and the default of a parameter are worked out once, at the import. What the file
    says comes too late for them: the default holds, or the start fails, and only where somebody has set the variable otherwise
    is nothing wrong.

    ```python
    class Config:
        dsn = os.environ.get("QUEUE_DSN", "redis://localhost")  # E108

        def __init__(self) -> None:
            self.token = os.environ["TOKEN"]  # read after the load


    def load() -> Config:
        load_dotenv()
        return Config()
    ```

    It is reported once for each module, where every load of the program comes after the import of that module: in a function,
    or below the imports that bring the module along. Settings of pydantic that read the file themselves (`env_file`) are left
    alone, as are facts about the machine (`HOME`), what says which file is loaded, and what the program itself sets.

    Load the file above the imports of the entry point, let the settings read it, or read the variables in a function.
    """
    for early in early_reads(analysis):
        first, *others = early.reads
        path = first.scope.module.path
        message = f"{first.what} is read when the module is imported, before the `.env` file is loaded"
        why = [Step(each.scope.module.path, each.line, "the file is loaded here, after the import") for each in early.loads]
        why += [Step(path, each.line, f"{each.what} is read at the import as well") for each in others[:MOST]]
        mend = Mend("load the file before the import, or read the variable when it is asked for")
        yield Sighting(first.scope, first.line, first.column, first.end_line, message, tuple(why), mend, CERTAIN)
