"""Named numbers with units, measured from picture and sound; no model's opinion."""
