"""The past of hosts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "vmfit_bodies",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "vmfit_states",
        sa.Column("state", sa.LargeBinary(32), primary_key=True),
        sa.Column("part", sa.String(64), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("vmfit_states_by_digest", "vmfit_states", ["digest"])
    op.create_table(
        "vmfit_runs",
        sa.Column("host", sa.String(256), primary_key=True),
        sa.Column("since_us", sa.BigInteger, primary_key=True),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary(32), nullable=False),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )
    op.create_index("vmfit_runs_by_until", "vmfit_runs", ["until_us"])
    op.create_index("vmfit_runs_by_state", "vmfit_runs", ["state"])
    op.create_table(
        "vmfit_samples",
        sa.Column("host", sa.String(256), primary_key=True),
        sa.Column("at_us", sa.BigInteger, primary_key=True),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )
    op.create_index("vmfit_samples_by_time", "vmfit_samples", ["at_us"])
    op.execute("UPDATE vmfit_schema SET version = 2")
