"""Training: one compiled program runs many steps; Keras callbacks run at epoch boundaries.

``compiled_program`` knows how a step of an optimizer is computed, and ``full_gradient`` how the
loss over all images; ``network_program`` is common to both, and ``dropout`` draws the masks.
``feed`` and ``streaming`` provide the images, ``compiling`` chooses the compiler, and
``program_pool`` reuses compiled programs. ``loop`` trains with mini-batches and
``full_gradient.minimizing`` with SciPy; ``fit`` has what surrounds the epochs of both: validation,
callbacks and checkpoints. ``trainers`` chooses one of them, ``stage`` writes the trained model, and
``preflight`` finds mistakes before training. With several workers, ``distributed`` divides the
batches among them, and ``on_ray`` starts them.
"""
