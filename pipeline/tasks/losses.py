"""Losses of tasks as Keras losses."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def summed_loss(function: Callable[[Any, Any], Any], precision: str) -> "keras.losses.Loss":
    """Return the sum of a function of labels (n,) and logits (n, units), which returns (n,).

    Labels and logits are cast to ``precision`` before.
    """
    import keras

    class SummedLoss(keras.losses.Loss):  # type: ignore[misc]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred)

    return SummedLoss(reduction="sum", dtype=precision)
