"""The reliability campaign: kills, damaged files, fuzzed requests, slow clients, bad folders.

``make campaign`` runs all parts and writes ``docs/reliability.md``. Every case has a seed, so that
a failure can be repeated. May import ``pipeline``, ``benchmarks`` and ``tests.support``.
"""
