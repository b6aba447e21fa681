"""Captioners: what happens in a segment, in words."""
