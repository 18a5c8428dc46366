"""The protocols: each module turns requests of one protocol into calls of a model version."""
