"""Event logs, their fold, and what is derived from them."""
