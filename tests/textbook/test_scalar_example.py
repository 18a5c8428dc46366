"""The lecture's example with three scalar weights."""

import pytest

from pipeline.textbook.scalar_example import Weights, backward, forward, update


def test_numbers_by_hand() -> None:
    weights = Weights(w0=2.0, w1=0.5, w2=3.0)
    values = forward(1.0, 1.0, weights)
    assert (values.z1, values.x1, values.z2, values.x2, values.z3) == (2, 2, 1, 1, 3)
    assert values.loss == 2
    d = backward(1.0, 1.0, weights, values)
    assert (d.dz3, d.dw2, d.dx2, d.dz2) == (2, 2, 6, 6)
    assert (d.dw1, d.dx1, d.dz1, d.dw0) == (12, 3, 3, 3)
    after = update(weights, d, rate=0.01)
    assert (after.w0, after.w1, after.w2) == pytest.approx((1.97, 0.38, 2.98))


def test_inactive_unit_passes_no_gradient() -> None:
    weights = Weights(w0=2.0, w1=-0.5, w2=3.0)
    values = forward(1.0, 1.0, weights)
    d = backward(1.0, 1.0, weights, values)
    assert values.x2 == 0
    assert (d.dz2, d.dw1, d.dz1, d.dw0) == (0, 0, 0, 0)
