"""From the trained model to files: one module for each format."""
