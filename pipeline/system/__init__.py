"""The machine: files that appear whole or not at all, locks, its resources, wire formats.

May import ``errors`` only.
"""
