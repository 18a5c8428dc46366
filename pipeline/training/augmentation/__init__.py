"""Random deformation of the training images, inside the compiled program.

The elastic displacement follows P. Simard, D. Steinkraus, J. Platt: Best Practices for
Convolutional Neural Networks (2003): a random field, smoothed with a Gaussian.
"""

from pipeline.training.augmentation.augmentation import Augmentation

__all__ = ["Augmentation"]
