"""The stages in order, and the session that runs them."""
