"""Spotting: where a film wants music, and what kind. Pure: from the state of a timeline to cues."""
