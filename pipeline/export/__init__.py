"""Export of trained models to files: one module for each format."""
