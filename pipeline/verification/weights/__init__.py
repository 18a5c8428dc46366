"""Read float32 weights back from exported files, one module for each format.

Each module defines ``read(path) -> Network``. Files are only parsed, never run. A file that has
another structure raises any exception; ``reading`` converts it.
"""
