"""Settings, options of backends, and the files a user writes."""
