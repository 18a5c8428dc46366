"""The lecture "Neural Networks: Basics" in NumPy: forward pass, backpropagation, update rules.

Written to be read, in float64, without any framework. ``pipeline gradcheck`` compares it with the
network that is trained. A batch is a matrix with one image per row, so the lecture's
z = W x + b is Z = X W + b here, and W has the shape (inputs, units), as in Keras.
"""
