"""Passwords of settings that say how a server of another kind is reached: the program shows them, and lets nobody in by them.

class Redis(BaseSettings):
    host: str = "redis"
    port: int = 6379
    password: str = "redis"
"""

import re
from typing import Final

from netra.guard.symbols import ClassSymbol

PASSWORD: Final = re.compile(r"password|passwd|passphrase", re.IGNORECASE)

# Where the server is, and what one says to it beside the password.
PLACE: Final = re.compile(r"host|hostname|server|address|addr", re.IGNORECASE)
BESIDE: Final = re.compile(r"port|user|username|login|db|database|db_?name|db_?index", re.IGNORECASE)
WHO: Final = re.compile(r"user|username|login", re.IGNORECASE)
WHICH: Final = re.compile(r"db|database|db_?name|database_name|db_?index|schema|vhost|virtual_host", re.IGNORECASE)

# A class of settings is called as the kind of server is.
OF_SERVERS: Final = re.compile(
    r"database|postgres|mysql|maria|mongo|redis|valkey|cache|rabbit|amqp|broker|kafka|elastic|opensearch|neo4j|clickhouse|ldap"
    r"|smtp|imap|^mail|ftp|^(?:db|pg)",
    re.IGNORECASE,
)


def is_login_elsewhere(name: str, kind: ClassSymbol) -> bool:
    """A field is the password for a database, a cache or the like, as the fields beside it show.

    The host and port may be those of the program itself, which lets somebody in by the password: the class says that it speaks
    of another server, by its name, or by a user and a database.
    """
    if not PASSWORD.fullmatch(name):
        return False
    fields = {each.target[1] for each in kind.body.facts.assignments if each.target[0] == "name"}
    if not any(map(PLACE.fullmatch, fields)) or not any(map(BESIDE.fullmatch, fields)):
        return False
    return OF_SERVERS.search(kind.name) is not None or (any(map(WHO.fullmatch, fields)) and any(map(WHICH.fullmatch, fields)))
