"""How good tags, shots and confidences are, against labels."""
