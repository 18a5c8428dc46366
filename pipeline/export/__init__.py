"""From the trained model to files: the contract of names and shapes, and one module a format."""
