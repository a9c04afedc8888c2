"""The database roles, and the refusal to serve as one that row-level security does not bind."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from netra.errors import NetraError

APP: Final = "netra_app"
SYSTEM: Final = "netra_system"
WRITER: Final = "netra_writer"

# Roles belong to the cluster, not to a database, so another Netra database beside this one may have made them already.
# NOINHERIT is what keeps netra_app out of the policies of the roles that it may become.
ENSURE_ROLES: Final = """
DO $$
BEGIN
    -- Two databases may migrate at the same moment; a lock is cheaper than explaining duplicate_object.
    PERFORM pg_advisory_xact_lock(hashtext('netra roles'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'netra_app') THEN
        CREATE ROLE netra_app LOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'netra_system') THEN
        CREATE ROLE netra_system NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'netra_writer') THEN
        CREATE ROLE netra_writer NOLOGIN;
    END IF;
    IF NOT pg_has_role('netra_app', 'netra_system', 'MEMBER') THEN
        GRANT netra_system TO netra_app;
    END IF;
    IF NOT pg_has_role('netra_app', 'netra_writer', 'MEMBER') THEN
        GRANT netra_writer TO netra_app;
    END IF;
END
$$;
"""


class UnsafeRole(NetraError):
    """The database role bypasses row-level security, so nothing would hold users apart. Connect as netra_app."""

    code = "unsafe_role"


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What the database says of the role that a connection runs as."""

    name: str
    superuser: bool
    bypasses_rls: bool
    owns_tables: bool
    inherits_system: bool

    def objections(self) -> list[str]:
        """Say in words why this role must not serve users; empty when it may."""
        return [
            words
            for holds, words in (
                (self.superuser, "is a superuser"),
                (self.bypasses_rls, "has BYPASSRLS"),
                (self.owns_tables, "owns Netra's tables (it could switch row-level security off)"),
                (self.inherits_system, f"inherits {SYSTEM}, whose policies show every user's rows"),
            )
            if holds
        ]


async def read_role(connection: AsyncConnection[Any]) -> RoleFacts:
    """Ask the database about the role of this connection."""
    cursor = await connection.execute(
        """
        SELECT current_user::text, r.rolsuper, r.rolbypassrls,
               EXISTS (SELECT FROM pg_class c WHERE c.relname = 'event' AND c.relnamespace = 'public'::regnamespace
                       AND pg_has_role(c.relowner, 'USAGE')),
               EXISTS (SELECT FROM pg_roles s WHERE s.rolname = 'netra_system' AND pg_has_role(s.oid, 'USAGE'))
        FROM pg_roles r WHERE r.rolname = current_user
        """
    )
    row = await cursor.fetchone()
    if row is None:
        raise UnsafeRole("the database does not know the role it signed us in as.")
    return RoleFacts(*row)


async def refuse_unsafe(connection: AsyncConnection[Any]) -> None:
    """Raise `UnsafeRole` unless row-level security binds the role of this connection."""
    role = await read_role(connection)
    if objections := role.objections():
        raise UnsafeRole(
            f"the database role {role.name!r} {' and '.join(objections)}. Row-level security would not hold users apart. "
            f"Run `netra migrate` as the owner, give {APP} a password (ALTER ROLE {APP} PASSWORD '…') and connect as {APP}."
        )
