"""Whose a variable of the environment is, as far as its name tells: the program's own, a library's, a provider's."""

import re
import sys
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import OF_THE_MACHINE, Touch, accesses, written_variables
from netra.guard.lazily import lazily
from netra.guard.settings import HeldSettings, imported, keys_of, top_of, values_of

# What a provider knows its customer by. Any library may read it, under the provider's own name for it, unless the program holds
# others of the kind.
CREDENTIAL: Final = re.compile(r"\w+_(?:API_KEY|API_TOKEN|API_SECRET|PERSONAL_ACCESS_TOKEN|ACCESS_KEY\w*|KEY_ID|ACCOUNT_ID)")

# And where it finds the provider, where the program says nothing of that itself.
PLACE: Final = re.compile(r"\w+_(?:BASE_URL|API_BASE|API_URL|API_ENDPOINT|OPENAI_ENDPOINT)")

# Named by a library or a platform, which reads it itself: no setting of the program that looks at it as well.
OF_LIBRARIES: Final = re.compile(
    r"(?:AWS|GOOGLE|GCP|GCLOUD|CLOUDSDK|OTEL|DD|HF|HUGGINGFACE|TRANSFORMERS|SENTENCE_TRANSFORMERS|TORCH|CUDA|NVIDIA|OMP|MKL|NLTK"
    r"|TOKENIZERS|REQUESTS|CURL|SSL|OBJC|PIP|UV|DOCKER|ECS|LAMBDA|FUNCTIONS|WEBSITE|AIRFLOW|JUPYTER|COLAB|SLURM|RAY|SPACE|RENDER"
    r"|RAILWAY|HEROKU|VERCEL|FLY|GITLAB|JENKINS|CIRCLE|TRAVIS|NEXT_PUBLIC|NODE|QT|DBUS|DEBUGPY|PYDEVD|MASTER|UVICORN|GUNICORN"
    r"|GRPC|KMP|MPL|NUMEXPR|OPENBLAS|PROMETHEUS|PYTORCH|TF|VECLIB|WANDB)_\w+"
    r"|\w*(?:_CA_BUNDLE|_PROXY|_proxy)|DO_NOT_TRACK|FORWARDED_ALLOW_IPS|WEB_CONCURRENCY|USERNAME|DYNO|RANK|LOCAL_RANK|WORLD_SIZE|\w*__\w*"
)


class VariableNames:
    """Answers about the names of variables, each worked out once; use `analysis.once(VariableNames)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._accesses = analysis.once(accesses)
        self._held = analysis.once(HeldSettings)

    def is_own(self, variable: str) -> bool:
        """A setting of this program, as far as its name tells: no library's, no provider's, no fact about the machine, nothing
        that it sets itself.
        """
        return not self.is_of_library(variable) and self.is_setting(variable)

    def is_setting(self, variable: str) -> bool:
        """The same, where it may begin as a package that the program uses: `REDIS_URL` is nothing that `redis` reads."""
        if OF_THE_MACHINE.fullmatch(variable) or OF_LIBRARIES.fullmatch(variable) or variable in self._set_by_program:
            return False
        if CREDENTIAL.fullmatch(variable):
            return bool(self._credentials)
        # A key of the program's own, by which others know it, says nothing of where a provider is found.
        of_provider = variable.partition("_")[0] in self._providers
        if of_provider and all(each.partition("_")[0] in self._tops for each in self._credentials):
            return False
        return not self._is_place_of_provider(variable)

    def _is_place_of_provider(self, variable: str) -> bool:
        """`OPENAI_BASE_URL`, where the program holds no place but its own."""
        if not PLACE.fullmatch(variable) or variable.partition("_")[0] in self._beginnings:
            return False
        return not any(PLACE.fullmatch(each) and each.partition("_")[0] not in self._tops for each in self._held.by_variable)

    @lazily
    def _beginnings(self) -> frozenset[str]:
        """What the variables that the program holds begin with."""
        return self._tops | {each.partition("_")[0] for each in self._held.by_variable}

    def is_of_program(self, variable: str) -> bool:
        """As `is_own`, of what the program itself may set."""
        return bool(variable) and not (
            OF_THE_MACHINE.fullmatch(variable) or self.is_of_library(variable) or self.is_of_something_named(variable)
        )

    def is_of_library(self, variable: str) -> bool:
        """A library or a platform calls it its own: it is known for that, or is called like a package that is imported."""
        word = variable.partition("_")[0].lower()
        return OF_LIBRARIES.fullmatch(variable) is not None or word in self._packages

    def is_of_something_named(self, variable: str) -> bool:
        """A module of the program is called as the variable begins: `openai_agents.py` of `OPENAI_AGENTS_DISABLE_TRACING`.

        Such a module adapts what somebody else has written, and tells it something.
        """
        return variable.partition("_")[0].lower() in self._words_of_modules

    @lazily
    def _words_of_modules(self) -> frozenset[str]:
        names = (part for module in self._analysis.modules for part in module.name.split(".")[1:])
        return frozenset(name.partition("_")[0].lower() for name in names)

    @lazily
    def _packages(self) -> frozenset[str]:
        """The first words of the names of other people's packages that the program imports: `sentry` of `sentry_sdk`."""
        own = {top_of(module).partition("_")[0] for module in self._analysis.modules}
        tops = {top for found in self._analysis.once(imported).values() for top in found if top not in sys.stdlib_module_names}
        return frozenset(top.partition("_")[0].lower() for top in tops).difference(own)

    @lazily
    def _providers(self) -> frozenset[str]:
        """The first words of the credentials that the program reads, its own aside: `MAILGUN` of `MAILGUN_API_KEY`."""
        read = (access.variable for access in self._accesses if access.touch is Touch.READ)
        own = {each.partition("_")[0] for each in self._held.by_variable}
        return frozenset(each.partition("_")[0] for each in read if CREDENTIAL.fullmatch(each)) - own - self._tops

    @lazily
    def _credentials(self) -> tuple[str, ...]:
        return tuple(filter(CREDENTIAL.fullmatch, self._held.by_variable))

    @lazily
    def _tops(self) -> frozenset[str]:
        return frozenset(top_of(module).partition("_")[0].upper() for module in self._analysis.modules)

    def is_set_by_program(self, variable: str) -> bool:
        """The program sets it, in its own environment or in that of a child."""
        return variable in self._set_by_program

    @lazily
    def _set_by_program(self) -> frozenset[str]:
        """Variables that the program sets, in its own environment or in that of a child: what reads them is told something."""
        found = {*self._analysis.once(written_variables)}
        for scope in self._analysis.scopes:
            for each in scope.facts.assignments:
                if each.target[0] == "subscript" and each.target[2][0] == "string":
                    found.add(each.target[2][1])
            for value in values_of(scope):
                if value[0] == "dict":
                    found.update(keys_of(value))
        return frozenset(found)
