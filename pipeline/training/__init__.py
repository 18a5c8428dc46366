"""Training: one compiled loop over the steps of an epoch, and Keras' callbacks around it.

``loop`` is the only module that knows how a step is computed; ``fit`` runs the epochs and the
callbacks, ``checkpoint`` keeps what an interrupted training needs to go on, ``stage`` reads the
configuration and writes the trained model.
"""
