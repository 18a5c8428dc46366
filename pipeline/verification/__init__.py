"""The proof: every exported file, in every runtime that opens it, against the trained model.

``tolerances`` says how much may differ, ``comparing`` what is wrong with answers, ``running`` asks
every file in a fresh process, ``reduced_precision`` compares smaller copies with their originals,
``verdict`` requires that all passed, ``stage`` decides what goes on to be published.
"""
