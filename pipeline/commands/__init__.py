"""The implementations of ``why``, ``doctor``, ``predict`` and ``verify``."""
