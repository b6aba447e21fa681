"""Where analyses run when one process is not enough."""
