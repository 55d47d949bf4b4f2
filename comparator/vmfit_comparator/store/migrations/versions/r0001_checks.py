"""Checks and their outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    schema = op.create_table(
        "vmfit_schema",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "vmfit_checks",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("checked_at_us", sa.BigInteger, nullable=False),
        sa.Column("vm_name", sa.Text, nullable=False),
        sa.Column("vm_uuid", sa.Text, nullable=False),
        sa.Column("source_host", sa.Text, nullable=False),
        sa.Column("destination_host", sa.Text, nullable=False),
        sa.Column("options_digest", sa.String(64), nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("answer", sa.Integer, nullable=False),
        sa.Column("probability", sa.Float),
        sa.Column("acceptable", sa.Boolean, nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("findings", sa.JSON, nullable=False),
    )
    op.create_index("vmfit_checks_by_time", "vmfit_checks", ["checked_at_us"])
    op.create_table(
        "vmfit_outcomes",
        sa.Column(
            "check_id",
            sa.String(16),
            sa.ForeignKey("vmfit_checks.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("reported_at_us", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("causes", sa.JSON, nullable=False),
    )
    op.bulk_insert(schema, [{"id": 1, "version": 1}])
