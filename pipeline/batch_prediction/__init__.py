"""Predictions for many images: worker processes, parts that survive interruptions, one file.

``predicting`` is the entry. The input, ``sources``, is either ``parquet_files`` or a
``picture_folder``, and is divided into parts. ``workers`` starts processes that run ``worker``,
and ``schedule`` chooses the next part of each. A worker reads images (``row_reader`` and
``pixels``, or picture files), predicts them (``answers``) and writes a file into the
``parts_folder``; ``joining`` makes the output from these files. ``columns`` is its schema.

May import ``commands`` and lower rooms; neither TensorFlow nor Ray.
"""
