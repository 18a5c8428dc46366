"""The gates, and ``exported/<name>/<version>/``: what is proven appears whole, and never changes.

``published`` reads published models (and imports nothing heavy), ``publish`` adds versions,
``card`` writes the model card, ``golden`` what a version must answer wherever it is opened.
"""
