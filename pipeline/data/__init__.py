"""Turn a data set of TensorFlow Datasets, or the embedded sample, into arrays on disk.

``sources`` chooses the source of the data, ``fetching`` downloads files, ``tfds`` prepares and
reads data sets, ``sample`` is the embedded one, ``stage`` writes the arrays.
"""
