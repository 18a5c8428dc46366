"""Read float32 weights back from exported files, one module for each format.

Each module of a format defines ``read(path) -> Network``; files are only parsed, never run. A file
that has another structure raises any exception. ``reading`` selects the module and can run it in a
process with limits; ``onnx_network`` recognizes single ONNX files that can be evaluated.
"""
