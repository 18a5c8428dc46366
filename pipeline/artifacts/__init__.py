"""What stages exchange: the data set, the model contract, the formats, checks and their costs.

May import ``errors``, ``system`` and ``config`` only. Nothing heavy is imported.
"""
