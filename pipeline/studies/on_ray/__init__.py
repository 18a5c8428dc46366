"""Trials on a Ray cluster; only this package imports Ray, which is in the extra ``ray``.

``cluster`` starts Ray or connects to it. ``executor`` hands trials to ``tune_run``, the one run of
Ray Tune in a study; ``worker`` runs them in processes that Tune starts. A search with a pruner has
a process of its own, ``remote_search``, so that the workers can ask it.
"""
