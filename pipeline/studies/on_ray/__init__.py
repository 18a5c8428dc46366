"""Trials on a Ray cluster.

``system.ray_cluster`` starts Ray or connects to it. ``executor`` hands trials to ``tune_run``, the
one run of Ray Tune in a study; ``worker`` runs them in processes that Tune starts. A search with a
pruner has a process of its own, ``remote_search``, so that the workers can ask it.
"""
