"""The caching runner: runs the stages that are not up to date, whatever they do.

The stages and their order are defined in ``pipeline.stages``.
"""
