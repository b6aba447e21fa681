"""Where pictures and sound come from: files and live sources."""
