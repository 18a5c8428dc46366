"""Training in several processes, the workers, each on its columns of the same batches.

``membership`` reads from ``TF_CONFIG`` which workers there are, ``joining`` connects them, and
``group`` sums and sends with TensorFlow's collective operations. ``columns`` divides a batch, and
``group_program`` computes a step: the gradient of a worker's columns, its sum over the workers, the
update. Worker 0 trains as a single process does (``leading``), and the others take the same steps
(``following``). ``probe`` tells when one worker would be faster.
"""
