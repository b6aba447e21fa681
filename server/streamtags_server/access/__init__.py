"""Who may do what, and which sources may be read."""
