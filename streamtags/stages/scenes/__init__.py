"""Consecutive segments that belong together."""
