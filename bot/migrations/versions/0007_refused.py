"""Since when Slack refuses a post for now: it is kept and tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("refused_at", sa.Double()))


def downgrade() -> None:
    op.drop_column("outbox", "refused_at")
