"""What stages exchange: the data set, model contract, formats, checks and their costs.

May import ``errors``, ``system`` and ``config`` only. Importing these modules is cheap.
"""
