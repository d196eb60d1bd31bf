"""SQLAlchemy: schema, repositories, queries, migrations."""
