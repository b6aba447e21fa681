"""What is done with each segment."""
