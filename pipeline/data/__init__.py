"""From TensorFlow Datasets, or the embedded sample, to memory-mapped arrays on disk.

``sources`` decides where the data comes from, ``fetching`` gets files over the network, ``tfds``
prepares and reads the set, ``sample`` is the embedded one, ``stage`` writes the arrays.
"""
