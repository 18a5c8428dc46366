"""The sections of the page: each is a function of the run and its numbers, and may be empty."""
