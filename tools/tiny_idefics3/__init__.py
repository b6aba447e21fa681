"""Train the tests' tiny Idefics3 checkpoint: random weights, generated clips, nothing downloaded."""
