"""Publishing verified models as ``exported/<name>/<version>/``: atomic and immutable.

``published_folder`` reads published models (and imports nothing heavy), ``listing`` lists them,
``new_version`` adds versions, ``accuracy_gate`` checks the required accuracy, ``manifest`` defines
``manifest.json``, ``card`` writes the model card, ``golden`` records predictions that are checked
before use.
"""
