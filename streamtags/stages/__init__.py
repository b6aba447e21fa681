"""The steps that every segment takes, and the table that lists them."""
