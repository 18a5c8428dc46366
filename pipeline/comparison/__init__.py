"""Comparing runs, published versions and configurations: statistics, sides, and what differs.

May import ``publishing`` and lower rooms. SciPy is imported inside functions: it is in the extra
``train``.
"""
