"""The curves of a training while it runs: written as TensorBoard event files, and read again.

``event_files`` listens to a training and writes; ``events`` builds the messages; ``records`` is the
format of the files. ``curve`` reads the files, without TensorFlow, for ``pipeline watch``.

Each training has a folder with the name of its run record, and in it the folders ``train`` and
``validation`` with one file each. Tags are those of Keras' TensorBoard callback: the steps of
``epoch_*`` and of the histograms are epochs, counted from 1, and those of ``batch_*`` are steps of
the training.
"""
