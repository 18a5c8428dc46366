"""``pipeline reproduce``: run a published version again from its manifest, and compare.

``configuration`` takes the configuration from the manifest, ``rerun`` runs the stages that make the
files, ``links`` compares data, code and machine, ``weights``, ``answers`` and ``files`` compare the
model, ``verdict`` says what it all means, and ``reproducing`` does one after the other.
"""
