"""One script for each peer; each runs in its own environment, with the project on its path."""
