"""The database roles, and the refusal to serve as one that row-level security does not bind."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from netra.errors import NetraError

APP: Final = "netra_app"
SYSTEM: Final = "netra_system"
WRITER: Final = "netra_writer"

# Roles belong to the cluster, not to a database, so another Netra database beside this one may have made them already, or be
# making them right now: advisory locks end at the database's border, so the loser of that race takes what the winner made.
# What keeps netra_app out of the policies of the roles that it may become is, up to PostgreSQL 15, its own NOINHERIT; from
# 16 on every membership says so itself, and one that was granted before would keep what it said then.
ENSURE_ROLES: Final = """
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('netra_app', 'LOGIN NOINHERIT'), ('netra_system', 'NOLOGIN'), ('netra_writer', 'NOLOGIN')
    ) AS w (name, attributes)
    LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
                EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    FOR wanted IN SELECT * FROM (VALUES ('netra_system'), ('netra_writer')) AS w (name)
    LOOP
        BEGIN
            IF pg_has_role('netra_app', wanted.name, 'MEMBER') AND NOT pg_has_role('netra_app', wanted.name, 'USAGE') THEN
                CONTINUE;
            ELSIF current_setting('server_version_num')::int >= 160000 THEN
                EXECUTE format('GRANT %I TO netra_app WITH INHERIT FALSE, SET TRUE', wanted.name);
            ELSE
                ALTER ROLE netra_app NOINHERIT;
                EXECUTE format('GRANT %I TO netra_app', wanted.name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
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
    inherits: list[str]
    """Those of `SYSTEM` and `WRITER` whose privileges this role has without asking."""
    may_become: list[str]
    """Those of `SYSTEM` and `WRITER` that this role may SET ROLE to."""

    def objections(self) -> list[str]:
        """Say in words why this role must not serve users; empty when it may."""
        if self.superuser:
            return ["is a superuser"]  # and with that everything below
        return [
            *(["has BYPASSRLS"] if self.bypasses_rls else []),
            *(["owns Netra's tables (it could switch row-level security off)"] if self.owns_tables else []),
            *(f"inherits {role}, whose policies show every user's rows" for role in self.inherits),
            # The server opens a few connections as these; without the membership it would fail much later, and unclearly.
            *(f"is no member of {role}" for role in (SYSTEM, WRITER) if role not in self.may_become),
        ]


async def read_role(connection: AsyncConnection[Any]) -> RoleFacts:
    """Ask the database about the role of this connection."""
    cursor = await connection.execute(
        """
        SELECT current_user::text, r.rolsuper, r.rolbypassrls,
               EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity
                       AND pg_has_role(c.relowner, 'USAGE')),
               ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%(special)s) AND pg_has_role(oid, 'USAGE')),
               ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%(special)s) AND pg_has_role(oid, 'MEMBER'))
        FROM pg_roles r WHERE r.rolname = current_user
        """,
        {"special": [SYSTEM, WRITER]},
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
