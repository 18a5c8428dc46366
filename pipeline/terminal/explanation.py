"""The output of ``pipeline gradcheck --explain``."""

from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.commands.explain import Explanation

_BYTES = 4  # of a float32


def print_explanation(explanation: "Explanation") -> None:
    """Print the scalar example line by line, then the steps of a mini-batch."""
    _print_scalar(explanation)
    _print_network(explanation)


def _print_scalar(explanation: "Explanation") -> None:
    sample = vars(explanation.sample)
    print_line("[bold]Three scalar weights[/], with " + ", ".join(
        f"{name} = {value:g}" for name, value in sample.items()
    ))  # fmt: skip
    for phase, lines in groupby(explanation.scalar, key=lambda line: line.phase):
        print_line(f"  [bold]{phase}[/]")
        for line in lines:
            freed = f"   [dim]frees {escape(', '.join(line.freed))}[/]" if line.freed else ""
            text = f"{line.name:7}= {line.formula} = {line.numbers} = {line.value:.6g}"
            print_line(f"    {escape(text)}{freed}")


def _print_network(explanation: "Explanation") -> None:
    layers = " - ".join(map(str, explanation.widths))
    print_line(
        f"\n[bold]{escape(explanation.name)}[/]: {layers} units, one mini-batch of "
        f"{explanation.batch:,} images"
    )
    rows = new_table("result", "formula", "shape", "FLOPs", "bytes", "alive", "frees")
    for step in explanation.network:
        rows.add_row(
            step.result,
            escape(step.formula),
            " x ".join(map(str, step.shape)),
            f"{step.flops:,}",
            f"{_BYTES * prod(step.shape):,}",
            f"{step.alive:,}",
            " ".join(step.freed),
        )
    print_table(rows)
    flops = sum(step.flops for step in explanation.network)
    most = max(explanation.network, key=lambda step: step.alive)
    print_line(
        f"{flops:,} FLOPs in all. At most {most.alive:,} values are alive at once, after "
        f"{most.result} ({_BYTES * most.alive:,} bytes in float32, weights not included)."
    )
