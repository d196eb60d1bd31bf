"""SQLAlchemy: schema, repositories, queries, migrations.

`SqlStore(url)` is the port `Store` on SQLite or PostgreSQL; `upgrade.upgrade(url)` brings a database
to this version's schema and `upgrade.check(url)` says whether it is there; `import_cases`,
`export_cases` and `export_attempts` move rows in and out.
"""

from __future__ import annotations

from dialer_engine.store.export import Form, export_attempts, export_cases
from dialer_engine.store.import_csv import ImportSummary, import_cases, load_mapping, parse_mapping
from dialer_engine.store.sql import SqlStore

__all__ = [
    "Form",
    "ImportSummary",
    "SqlStore",
    "export_attempts",
    "export_cases",
    "import_cases",
    "load_mapping",
    "parse_mapping",
]
