"""The Predictor, and one module for each runtime that can open an exported file.

A module says what it opens in a constant ``RUNTIME``; its heavy imports are inside its class, so
that reading the registry loads nothing. ``onnxruntime_python`` is the one of the base install.
"""
