"""Values, events, the fold and the ports: pure, and importing nothing else of the package."""
