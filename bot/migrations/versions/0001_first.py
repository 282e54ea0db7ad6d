"""The first tables, and the id of this installation."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LIVE = sa.text("state not in ('cancelled', 'done', 'expired', 'failed', 'rejected', 'undone')")


def leased() -> list[sa.Column]:
    return [
        sa.Column("owner", sa.String(80)),
        sa.Column("lease_until", sa.Double()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("not_before", sa.Double()),
    ]


def upgrade() -> None:
    installation = op.create_table("installation", sa.Column("id", sa.String(16), primary_key=True))
    op.bulk_insert(installation, [{"id": secrets.token_hex(3)}])
    create_refreshes()
    create_slack()
    create_records()


def create_refreshes() -> None:
    op.create_table(
        "refreshes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        *leased(),
        sa.Column("cancel", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("unique_id", sa.String(500), nullable=False),
        sa.Column("mode", sa.String(20), nullable=False),
        sa.Column("prod", sa.String(800), nullable=False),
        sa.Column("dev", sa.String(800), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("thread_ts", sa.String(40)),
        sa.Column("permalink", sa.Text()),
        sa.Column("expires_at", sa.Double()),
        sa.Column("reminded_at", sa.Double()),
        sa.Column("build_seconds", sa.Double()),
        sa.Column("progress", sa.Text(), nullable=False, server_default=""),
        sa.Column("progress_share", sa.Double()),
        sa.Column("undelivered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("body", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_refreshes_state", "refreshes", ["state"])
    op.create_index("ix_refreshes_unique_id", "refreshes", ["unique_id"])
    for side in ("prod", "dev"):
        name = f"one_live_refresh_per_{side}"
        op.create_index(name, "refreshes", [side], unique=True, sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_table(
        "audit",
        sa.Column("refresh", sa.Integer(), sa.ForeignKey("refreshes.id"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("refresh", "n"),
    )


def create_slack() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("lane", sa.String(200), nullable=False),
        sa.Column("refresh", sa.Integer()),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("thread", sa.Boolean(), nullable=False),
        sa.Column("live", sa.String(20)),
        sa.Column("private_to", sa.String(40), nullable=False, server_default=""),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("ts", sa.String(40)),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        *leased(),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_lane", "outbox", ["lane"])
    op.create_index("ix_outbox_state", "outbox", ["state"])
    op.create_table(
        "files",
        sa.Column("post", sa.Integer(), sa.ForeignKey("outbox.id"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("alt_text", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", sa.String(40)),
        sa.PrimaryKeyConstraint("post", "n"),
    )
    op.create_table(
        "live_messages",
        sa.Column("refresh", sa.Integer(), sa.ForeignKey("refreshes.id"), nullable=False),
        sa.Column("live", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("ts", sa.String(40)),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("shown_at", sa.Double()),
        sa.Column("body", sa.Text()),
        *leased(),
        sa.PrimaryKeyConstraint("refresh", "live"),
    )
    op.create_table(
        "clicks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("refresh", sa.Integer()),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.false()),
        *leased(),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clicks_settled", "clicks", ["settled"])


def create_records() -> None:
    op.create_table(
        "objects",
        sa.Column("relation", sa.String(800), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("refresh", sa.Integer(), nullable=False),
        sa.Column("keep_until", sa.Double()),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("ix_objects_refresh", "objects", ["refresh"])
    op.create_table(
        "holds",
        sa.Column("unique_id", sa.String(500), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "changes",
        sa.Column("relation", sa.String(800), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("relation", "at"),
    )
    op.create_table(
        "model_index",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
