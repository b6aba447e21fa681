"""Music suggested for scenes."""
