"""What the warehouse shows of this installation and the database, being an older copy, does not know."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unrecorded",
        sa.Column("key", sa.String(800), primary_key=True),
        sa.Column("taken_over", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("body", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("unrecorded")
