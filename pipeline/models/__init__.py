"""Configuration to Keras objects: the dense network, its optimizer, any object by its name."""
