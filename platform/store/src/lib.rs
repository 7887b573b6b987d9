//! One SQL text on SQLite and PostgreSQL: pools, transactions, migrations, outbox.
