"""Music: catalogs of tracks that cues are chosen from."""
