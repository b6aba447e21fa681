"""A timeline in the formats other programs read."""
