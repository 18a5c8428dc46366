"""Convert untrusted image files of any size to the images that a model takes."""
