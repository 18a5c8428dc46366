"""Training: one compiled program runs many steps; Keras callbacks run at epoch boundaries.

``compiled_program`` is the only module that knows how a step is computed. ``feed`` and
``streaming`` provide its images, ``compiling`` chooses the compiler, and ``program_pool`` reuses
compiled programs. ``loop`` runs epochs, ``fit`` adds callbacks and checkpoints, and ``stage``
reads the configuration and writes the trained model. ``preflight`` finds mistakes before training.
"""
