"""Edits as sources: what an editing system's file says about a film, in one format-neutral model."""
