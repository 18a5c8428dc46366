"""Publishing verified models as ``exported/<name>/<version>/``: atomic and immutable.

``published_folder`` reads published models (and imports nothing heavy), ``listing`` lists them,
``new_version`` adds versions, ``labels`` moves labels to them, ``publication`` tells what a run
changed, ``accuracy_gate`` checks the required accuracy, ``manifest`` defines ``manifest.json``,
``card`` writes the model card, ``portable`` removes local paths from both, ``golden`` records
predictions that are checked before use.
"""
