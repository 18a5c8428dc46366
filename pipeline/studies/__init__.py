"""Studies: many runs of one configuration with other values of some keys, compared.

``schema`` and ``reading`` turn a YAML file into a ``Study``; ``axes`` contains the values that it
varies. A ``search`` proposes trials, ``trial_runs`` runs each up to ``evaluate``, and ``running``
does so until the budget is used up. ``summary`` compares the trials, and ``documents`` writes the
comparison as JSON, Markdown, CSV, Parquet and a page.
"""
