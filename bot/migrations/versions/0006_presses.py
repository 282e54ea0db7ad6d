"""Which presses of people were stored, by Slack's own identifiers, so that one that is delivered again counts once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "presses",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("refresh", sa.Integer()),
        sa.Column("at", sa.Double(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("presses")
