"""The stage `faces`: how many faces are seen, how large they are, and their apparent expression."""
