"""The proof: every exported file, in every runtime that opens it, against the trained model.

``tolerances`` says how much may differ, ``comparing`` what is wrong with answers, ``proving`` asks
every file in a fresh process, ``copies`` holds those in lower precision beside their originals,
``gate`` demands that all passed, ``stage`` decides what goes on to be published.
"""
