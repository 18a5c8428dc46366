"""The augmentation written a second time: slow, in NumPy, one pixel after the other."""

import math

import numpy as np
import numpy.typing as npt

from pipeline.config.augment_schema import Augment

Array = npt.NDArray[np.float64]


def augmented(
    config: Augment, images: npt.NDArray[np.uint8], of_images: Array, of_shares: Array
) -> Array:
    """Return images float64 (n, height, width, channels) in 0..255, changed by these draws."""
    changed = images.astype(np.float64)
    count = len(images)
    deformed = (1 - config.undeformed) * count
    restroked = deformed * config.stroke
    for n in range(count):
        if is_chosen(n, deformed, of_shares[0]):
            changed[n] = deform(config, changed[n], of_images[n, :-1])
        if is_chosen(n, restroked, of_shares[1]):
            changed[n] = restroke(changed[n], of_images[n, -1])
    return changed


def is_chosen(n: int, exact: float, chance: float) -> bool:
    return n + 1 <= exact or (n < exact and chance < exact - n)


def deform(config: Augment, image: Array, draws: Array) -> Array:
    height, width, _ = image.shape
    nodes, affine = np.split(draws, [len(draws) - 7])
    angle, log_y, log_x, shear, down, across, mirror = affine
    angle *= math.radians(config.rotation)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    skew = np.array([[1, 0], [shear * config.shear, 1]])
    scales = np.diag(np.exp([log_y * config.scale, log_x * config.scale]))
    if config.flip and mirror < 0:
        scales[1, 1] *= -1
    matrix = scales @ skew @ rotation
    center = np.array([(height - 1) / 2, (width - 1) / 2])
    shift = np.array([down, across]) * config.translation
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            source = center + matrix @ (np.array([y, x]) - center) + shift
            if config.elastic:
                source = source + displacement(config, (height, width), nodes, y, x)
            result[y, x] = interpolated(image, *source)
    return result


def displacement(config: Augment, shape: tuple[int, int], nodes: Array, y: int, x: int) -> Array:
    sigma = config.smoothness
    grid = [
        [(length - 1) / 2 + (k - (count - 1) / 2) * sigma for k in range(count)]
        for length in shape
        for count in [math.ceil((length - 1) / sigma) + 3]
    ]
    weights = np.array(
        [
            math.exp(-((y - node_y) ** 2 + (x - node_x) ** 2) / (2 * sigma**2))
            for node_y in grid[0]
            for node_x in grid[1]
        ]
    )
    weights /= math.sqrt((weights**2).sum())
    noise = nodes.reshape(2, -1) * math.sqrt(3)  # of unit variance
    moved: Array = config.elastic * noise @ weights
    return moved


def interpolated(image: Array, y: float, x: float) -> Array:
    """Return the pixel at y and x, with the pixels at the edges beyond them."""
    height, width, _ = image.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = (1 - across) * image[top, left] + across * image[top, right]
    lower = (1 - across) * image[bottom, left] + across * image[bottom, right]
    found: Array = (1 - down) * upper + down * lower
    return found


def restroke(image: Array, draw: float) -> Array:
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            around = image[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            value = image[y, x] + around.sum(axis=(0, 1)) / 9 - 255 * 0.4 * (1 + draw)
            result[y, x] = np.clip(value, 0, 255)
    return result
