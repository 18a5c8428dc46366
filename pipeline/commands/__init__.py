"""Commands that take more than one call: ``why``, ``doctor``, ``predict``, ``verify``."""
