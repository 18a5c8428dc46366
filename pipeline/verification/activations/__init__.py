"""Keras' activations in float64, each with what the error analysis in ``exact`` needs of it.

``activation`` is the interface, ``elementwise`` and ``rows`` have its kinds, ``table`` lists all by
name. Functions and derivatives of the lecture are those of ``textbook``.
"""
