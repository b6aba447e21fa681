"""Analyses that run in child processes."""
