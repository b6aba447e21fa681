"""The stage `read`: text on screen."""
