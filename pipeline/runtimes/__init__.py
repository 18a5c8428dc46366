"""The interface ``Predictor``, and one module for each runtime that can open exported files.

A module declares its formats in a constant ``RUNTIME``. Heavy imports are inside its class, so that
reading the registry loads no runtime. ``onnxruntime_python`` is the runtime of the base install.
"""
