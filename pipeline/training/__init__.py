"""Training: one compiled program for many steps, and Keras' callbacks at the ends of epochs.

``compiled_program`` is the only module that knows how a step is computed; ``feed`` and
``streaming`` give it images, ``compiling`` chooses what compiles it, ``program_pool`` lends it
again. ``loop`` runs epochs of it, ``fit`` the training with callbacks and checkpoints, ``stage``
reads the configuration and writes the trained model; ``preflight`` finds mistakes before.
"""
