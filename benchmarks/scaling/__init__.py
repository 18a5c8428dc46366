"""What several workers cost and gain: ``python -m benchmarks.scaling``.

Two workers train in a network namespace with loopback only, each on one core. While worker 1 waits,
worker 0 also takes the steps of a training in one process, so that both are measured in turns.
``results`` fits a model to the measured times, and ``estimates`` has its formula.
"""
