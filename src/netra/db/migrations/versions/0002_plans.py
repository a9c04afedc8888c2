"""Plans as data, the use of tools, other ways to sign in, secrets, corpora.

Revision ID: 0002
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection: Any = op.get_bind().connection.driver_connection
    connection.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("plans that were sold cannot be un-sold; restore a backup instead")
