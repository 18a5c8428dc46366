"""Methods that need the gradient over all images: SciPy minimizes the loss as a function.

``loss`` is the compiled program, ``minimizing`` runs SciPy on it, and ``evaluation_log`` records
the values that it computed, so that an interrupted training resumes exactly.
"""
