"""The demo film: its scenes, its sound and its cut."""
