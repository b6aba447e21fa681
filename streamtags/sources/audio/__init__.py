"""Sound files without a picture: their sound, and what is written in them."""
