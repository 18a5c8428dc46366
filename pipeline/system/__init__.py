"""The machine: atomic files and folders, locks, resources, wire formats.

May import ``errors`` only.
"""
