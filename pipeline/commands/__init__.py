"""Commands that are more than one call: ``why``, ``doctor``, ``predict``, ``verify``."""
