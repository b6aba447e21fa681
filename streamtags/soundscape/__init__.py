"""Sound described window by window, and as sentences for a text-to-video model. Pure."""
