"""Where the logs of timelines are kept."""
