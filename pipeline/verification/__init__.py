"""Verify every exported file, in every runtime that opens it, against the trained model.

``tolerances`` defines the permitted differences, ``comparing`` compares predictions, ``running``
runs every file in a fresh process, ``reduced_precision`` compares smaller copies with their
originals, ``verdict`` requires that all checks passed, ``stage`` selects what may be published.
"""
