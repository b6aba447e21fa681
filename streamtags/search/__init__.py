"""Search over the segments of all timelines: by exact words and by meaning."""
