"""Live sources: a clock, a queue, and connecting again."""
