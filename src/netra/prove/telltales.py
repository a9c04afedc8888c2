"""What must never be told: the words by which passwords, tokens, traces, queries and paths of a server give themselves away."""

import re
from collections.abc import Iterator
from typing import Final

# In a server's own log these three are what an operator looks for; told to anybody else they are a map of the server.
OF_CODE: Final = (
    ("a Python traceback", re.compile(r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+")),
    ("a statement of SQL", re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b [^\"]{0,200}\b(FROM|VALUES|SET|WHERE)\b")),
    ("a path of the server", re.compile(r"/(?:site-packages|dist-packages)/")),
)
TELLTALES: Final = (
    ("a URL with a password", re.compile(r"\w+://[^\s:/@\"]+:[^\s:/@\"]+@")),
    ("a hash of a password", re.compile(r"\$argon2|\$2[aby]\$\d\d\$")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
)
AROUND: Final = 60


class Telltales:
    """Finds them, and the secrets that it is told of."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def keep(self, secret: str, what: str) -> None:
        """Nobody is to be shown this secret from now on."""
        self._secrets[secret] = what

    def found(self, text: str, *, in_log: bool = False) -> Iterator[tuple[str, str]]:
        """What a text tells that it must not, each with the words around it."""
        for what, pattern in TELLTALES if in_log else (*OF_CODE, *TELLTALES):
            if (match := pattern.search(text)) is not None:
                yield what, text[max(match.start() - AROUND, 0) : match.end() + AROUND]
        for secret, what in self._secrets.items():
            if (place := text.find(secret)) >= 0:
                yield what, text[max(place - AROUND, 0) : place] + "***"
