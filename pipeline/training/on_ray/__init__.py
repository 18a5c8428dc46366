"""Several workers as processes of Ray Train, on this machine or on a cluster.

``launching`` starts them and waits for the result, ``worker`` is what each of them runs, and
``reports`` brings the progress of worker 0 to the process that shows it.
"""
