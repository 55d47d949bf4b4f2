"""What the comparator keeps: checks with their findings, and what became of the migrations.

Modules here import SQLAlchemy, which costs as much as a small check: import them where a store is
configured. `records` is what goes in and comes out, and needs nothing.
"""
