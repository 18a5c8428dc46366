"""Tasks, such as multiclass classification: output layer, loss, metrics and presentation.

``task.py`` is the interface. Each task is one module, named as in the configuration, with a
constant ``TASK``. To add a task, write its module and add its name to ``TaskName`` in
``pipeline/config/schema.py``.

Fingerprints cover only the selected task, without the code that presents its predictions
(``@presentation``). Keras and TensorFlow are imported inside functions, since serving uses tasks
too.
"""
