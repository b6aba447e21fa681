"""The embedded store: one SQLite file. Each port is a module, `SqliteStore` is all of them together."""
