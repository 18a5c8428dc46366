"""Publishing verified models as ``exported/<name>/<version>/``: atomic and immutable.

``published_folder`` reads published models (and imports nothing heavy), ``listing`` lists them,
``candidate`` tells whether a version exists already, ``new_version`` adds it, and ``labels`` moves
the label of a run to it; ``moving``, ``removal``, ``pins`` and ``history`` are for the commands
that change labels and versions later. ``publication`` tells what a run changed, ``quality_gate``
checks the required accuracy or RMSE, ``manifest`` defines ``manifest.json``, ``card`` writes the
card of a model, ``portable`` removes local paths from both, ``golden`` records predictions that are
checked before use.
"""
