"""Untrusted pictures to tensors: image files of any size to the images a model takes."""
