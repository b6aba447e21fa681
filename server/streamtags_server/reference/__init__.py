"""The API references, generated from the code."""
