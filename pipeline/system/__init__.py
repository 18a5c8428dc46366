"""The machine: files, folders, locks, threads, resources, wire formats.

May import ``errors`` only.
"""
