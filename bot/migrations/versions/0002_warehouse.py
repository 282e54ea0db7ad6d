"""The warehouse that a refresh builds on, so that builds can be bounded for each."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refreshes", sa.Column("warehouse", sa.String(255), nullable=False, server_default=""))
    connection = op.get_bind()
    refreshes = sa.table("refreshes", sa.column("id"), sa.column("body"), sa.column("warehouse"))
    for row in connection.execute(sa.select(refreshes.c.id, refreshes.c.body)).all():
        body = json.loads(row.body)
        used = (body.get("plan") or {}).get("warehouse") or body["request"].get("warehouse") or ""
        connection.execute(sa.update(refreshes).where(refreshes.c.id == row.id).values(warehouse=used))


def downgrade() -> None:
    op.drop_column("refreshes", "warehouse")
