"""The gates, and ``exported/<name>/<version>/``: what is proven appears whole, and never changes.

``published_folder`` reads published models (and imports nothing heavy), ``new_version`` adds
versions, ``accuracy_gate`` decides whether, ``manifest`` says what is known of one,
``card`` writes the model card, ``golden`` what a version must answer wherever it is opened.
"""
