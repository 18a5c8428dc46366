"""Drawings of networks: the layers with their parameters, and the lecture's scalar example."""

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.lecture.svg import box, drawing, line, text
from pipeline.textbook.scalar_example import Weights, backward, forward
from pipeline.textbook.scalar_steps import number

_WIDTH = 480


def layers_figure(widths: tuple[int, ...]) -> str:
    """Draw the layers of a network, with the number of parameters between them."""
    title = f"A network {' - '.join(map(str, widths))} and its parameters"
    parts = [text(14, 23, title, "strong")]
    places = [48 + k * (_WIDTH - 96) / (len(widths) - 1) for k in range(len(widths))]
    names = ("x(0)", *(f"x({k})" for k in range(1, len(widths) - 1)), "f(x)")
    for k, (x, width, name) in enumerate(zip(places, widths, names, strict=True)):
        height = 16 + 14 * len(str(width)) + (24 if k == 0 else 0)
        parts += [
            box(x - 22, 92 - height / 2, 44, height),
            text(x, 96, f"{width}", "strong", anchor="middle"),
            text(x, 158, name, "muted", anchor="middle"),
        ]
    for k, (inputs, units) in enumerate(pairwise(widths)):
        middle = (places[k] + places[k + 1]) / 2
        parts += [
            line(places[k] + 24, 92, places[k + 1] - 24, 92),
            text(middle, 84, f"W({k}), b({k})", "small muted", anchor="middle"),
            text(middle, 108, f"{inputs} x {units}", "small", anchor="middle"),
            text(middle, 122, f"+ {units}", "small", anchor="middle"),
            text(middle, 185, f"{(inputs + 1) * units:,}", "c0 strong", anchor="middle"),
        ]
    return drawing(_WIDTH, 202, parts, title=title)


def scalar_figure(x0: float, y: float, w: Weights) -> str:
    """Draw the scalar example: values forward above, derivatives backward below."""
    values = forward(x0, y, w)
    gradients = backward(x0, y, w, values)
    title = f"Backpropagation through three weights, x = {x0:g}, y = {y:g}"
    columns = (
        ("x0", x0, None),
        ("z1", values.z1, gradients.dz1),
        ("x1", values.x1, gradients.dx1),
        ("z2", values.z2, gradients.dz2),
        ("x2", values.x2, gradients.dx2),
        ("z3", values.z3, gradients.dz3),
        ("L", values.loss, None),
    )
    pitch = (_WIDTH - 28) / len(columns)
    parts = [text(14, 23, title, "strong")]
    for k, (name, value, gradient) in enumerate(columns):
        if k > 0:
            parts.append(line(6 + k * pitch, 94, 14 + k * pitch, 94))
        parts += _node(14 + k * pitch, pitch - 8, name, value, gradient)
    of_weights = (gradients.dw0, gradients.dw1, gradients.dw2)
    for k, ((name, value), gradient) in enumerate(zip(vars(w).items(), of_weights, strict=True)):
        middle = 10 + (2 * k + 1) * pitch
        parts += [
            text(middle, 52, f"{name} = {number(value)}", "small", anchor="middle"),
            text(middle, 168, f"dL/d{name}", "small c1", anchor="middle"),
            text(middle, 183, number(gradient), "small c1 strong", anchor="middle"),
        ]
    return drawing(_WIDTH, 200, parts, title=title)


def _node(x: float, width: float, name: str, value: float, gradient: float | None) -> Iterator[str]:
    middle = x + width / 2
    yield box(x, 72, width, 44)
    yield text(middle, 89, name, "small muted", anchor="middle")
    yield text(middle, 107, f"{value:g}", "strong", anchor="middle")
    if gradient is not None:
        yield text(middle, 133, f"dL/d{name}", "small c1", anchor="middle")
        yield text(middle, 148, number(gradient), "small c1 strong", anchor="middle")
