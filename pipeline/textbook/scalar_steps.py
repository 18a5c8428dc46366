"""The lecture's scalar example, number by number: forward, backward, update, the loss after it."""

from dataclasses import dataclass

from pipeline.textbook.scalar_example import Derivatives, Values, Weights, backward, forward, update


@dataclass(frozen=True)
class ScalarStep:
    """One line of the calculation, such as z1 = w0 x0 = 2 * 1 = 2.

    ``freed`` names the values that no later line needs.
    """

    phase: str
    name: str
    formula: str
    numbers: str
    value: float
    freed: tuple[str, ...] = ()


def scalar_steps(x0: float, y: float, w: Weights, *, rate: float) -> list[ScalarStep]:
    """Return every line for one sample (x0, y) and one step of gradient descent."""
    values = forward(x0, y, w)
    gradient = backward(x0, y, w, values)
    after = update(w, gradient, rate=rate)
    return [
        *_forward_lines(x0, y, w, values, "forward"),
        *_backward_lines(x0, y, w, values, gradient),
        *_update_lines(w, gradient, after, rate),
        *_forward_lines(x0, y, after, forward(x0, y, after), "after the update"),
    ]


def number(value: float) -> str:
    """Return a number as text, negative ones in parentheses."""
    text = f"{value:.6g}"
    return f"({text})" if value < 0 else text


def _forward_lines(x0: float, y: float, w: Weights, v: Values, phase: str) -> list[ScalarStep]:
    n = number
    return [
        ScalarStep(phase, "z1", "w0 x0", f"{n(w.w0)} * {n(x0)}", v.z1),
        ScalarStep(phase, "x1", "max(0, z1)", f"max(0, {v.z1:.6g})", v.x1),
        ScalarStep(phase, "z2", "w1 x1", f"{n(w.w1)} * {n(v.x1)}", v.z2),
        ScalarStep(phase, "x2", "max(0, z2)", f"max(0, {v.z2:.6g})", v.x2),
        ScalarStep(phase, "z3", "w2 x2", f"{n(w.w2)} * {n(v.x2)}", v.z3),
        ScalarStep(phase, "L", "(z3 - y)^2 / 2", f"({n(v.z3)} - {n(y)})^2 / 2", v.loss),
    ]


def _backward_lines(x0: float, y: float, w: Weights, v: Values, d: Derivatives) -> list[ScalarStep]:
    n, phase = number, "backward"
    slope_2, slope_1 = (1 if v.z2 > 0 else 0), (1 if v.z1 > 0 else 0)
    return [
        ScalarStep(phase, "dL/dz3", "z3 - y", f"{n(v.z3)} - {n(y)}", d.dz3, ("L", "z3")),
        ScalarStep(phase, "dL/dw2", "x2 dL/dz3", f"{n(v.x2)} * {n(d.dz3)}", d.dw2, ("x2",)),
        ScalarStep(phase, "dL/dx2", "w2 dL/dz3", f"{n(w.w2)} * {n(d.dz3)}", d.dx2, ("dL/dz3",)),
        ScalarStep(
            phase, "dL/dz2", "[z2 > 0] dL/dx2", f"{slope_2} * {n(d.dx2)}", d.dz2, ("z2", "dL/dx2")
        ),
        ScalarStep(phase, "dL/dw1", "x1 dL/dz2", f"{n(v.x1)} * {n(d.dz2)}", d.dw1, ("x1",)),
        ScalarStep(phase, "dL/dx1", "w1 dL/dz2", f"{n(w.w1)} * {n(d.dz2)}", d.dx1, ("dL/dz2",)),
        ScalarStep(
            phase, "dL/dz1", "[z1 > 0] dL/dx1", f"{slope_1} * {n(d.dx1)}", d.dz1, ("z1", "dL/dx1")
        ),
        ScalarStep(phase, "dL/dw0", "x0 dL/dz1", f"{n(x0)} * {n(d.dz1)}", d.dw0, ("dL/dz1",)),
    ]


def _update_lines(w: Weights, d: Derivatives, after: Weights, rate: float) -> list[ScalarStep]:
    triples = (("w0", w.w0, d.dw0, after.w0), ("w1", w.w1, d.dw1, after.w1),
               ("w2", w.w2, d.dw2, after.w2))  # fmt: skip
    return [
        ScalarStep(
            "update",
            name,
            f"{name} - alpha dL/d{name}",
            f"{number(before)} - {number(rate)} * {number(gradient)}",
            value,
            (f"dL/d{name}",),
        )
        for name, before, gradient, value in triples
    ]
