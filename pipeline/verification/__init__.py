"""Verify every exported file, in every runtime that opens it, against the trained model.

``exact`` computes the predictions in float64 and how far float32 may be from them, from a
``network`` and its ``activations``; ``comparing`` compares predictions; ``reading_back`` compares
the weights in files, which ``weights`` reads. ``tolerances`` defines the permitted differences in
lower precision, ``reduced_precision`` compares such copies with their originals. ``running`` runs
every file in a fresh process, ``verdict`` requires that all checks passed, ``stage`` selects what
may be published.
"""
