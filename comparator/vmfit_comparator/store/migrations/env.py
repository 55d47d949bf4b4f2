"""What Alembic runs: the steps, on the connection that it is given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="vmfit_revision"
)
context.run_migrations()
