"""What differs between tasks: multiclass classification, and those that later modules add.

``task.py`` is the interface; each task is one module, named as in the configuration, with a
constant ``TASK``. To add one, write its module and add its name to ``TaskName`` in
``pipeline/config/schema.py``.

A fingerprint covers the selected task alone, and not what only shows its answers to people
(``@presentation``). Keras and TensorFlow are imported inside functions: serving asks tasks too.
"""
