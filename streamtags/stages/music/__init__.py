"""What kind of music is heard: instruments, genre and voice, as ranked tags."""
