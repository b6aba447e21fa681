"""From a source to frames, shots and the pictures that stand for them."""
