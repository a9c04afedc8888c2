"""Accounts, the log, runs, datasets, and the walls between users.

Revision ID: 0001
"""

from pathlib import Path
from typing import Any

from alembic import op
from procrastinate.schema import SchemaManager

from netra.db.roles import ENSURE_ROLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The driver's own connection: these scripts hold many statements and percent signs, and take no parameters.
    connection: Any = op.get_bind().connection.driver_connection
    connection.execute(ENSURE_ROLES)
    connection.execute(SchemaManager.get_schema())
    connection.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the first revision has nothing before it; drop the database instead")
