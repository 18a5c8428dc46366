"""The caching runner: it runs the stages that are not up to date and knows none of them.

Which stages there are, and in which order, is in ``pipeline.stages``.
"""
