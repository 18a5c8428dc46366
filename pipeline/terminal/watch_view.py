"""The output of ``pipeline watch``: charts in a terminal, a line for each epoch elsewhere."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.terminal.charts import chart
from pipeline.terminal.layout import console, print_line

if TYPE_CHECKING:
    from pipeline.commands.watch import WatchedRun
    from pipeline.live.curve import Curve

_SIDE_BY_SIDE = 90  # columns
_GAP = "  "  # between charts
_INTERRUPT = "^C"  # which the terminal adds to the last line, and must not wrap
_HEIGHTS = (5, 14)  # lines of a chart, at least and at most
_VALIDATION_PREFIX = "val_"


def show(runs: "Iterator[WatchedRun]") -> "WatchedRun":
    """Show a run until it ends, and return it as it was then."""
    output = console()
    return _show_charts(runs, output) if _can_draw(output) else _print_lines(runs)


def _can_draw(output: Console) -> bool:
    return output.is_terminal and output.encoding.startswith("utf") and not output.is_dumb_terminal


def _show_charts(runs: "Iterator[WatchedRun]", output: Console) -> "WatchedRun":
    run = next(runs)
    with Live(console=output, auto_refresh=False) as live:
        live.update(_view(run, output), refresh=True)
        for run in runs:
            live.update(_view(run, output), refresh=True)
    return run


def _view(run: "WatchedRun", output: Console) -> RenderableType:
    heading = Text(_heading(run), overflow="fold")
    if run.curve is None or not run.curve.train:
        return heading
    names = _charted(run.curve)
    is_wide = output.width >= _SIDE_BY_SIDE
    columns = len(names) if is_wide else 1
    width = (output.width - len(_INTERRUPT) - len(_GAP) * (columns - 1)) // columns
    lines = (output.height - 3) * columns // len(names)
    height = min(max(lines, _HEIGHTS[0]), _HEIGHTS[1])
    grid = Table.grid()
    charts = [
        chart(
            name,
            run.curve.train[name],
            run.curve.validation.get(name, []),
            latest=_latest(run.curve, name),
            epochs=run.epochs,
            width=width,
            height=height,
        )
        for name in names
    ]
    for first in range(0, len(charts), columns):
        left, *others = charts[first : first + columns]
        grid.add_row(left, *(part for other in others for part in (_GAP, other)))
    return Group(heading, grid)


def _latest(curve: "Curve", name: str) -> float:
    """Return the mean of the last completed epoch; within the first, that of the last steps."""
    if curve.history and name in curve.history[-1]:
        return curve.history[-1][name]
    return curve.train[name][-1].value


def _charted(curve: "Curve") -> list[str]:
    """Return the loss and the most important metric."""
    names = ["loss", *(name for name in curve.train if name != "loss")]
    return [name for name in names if curve.train.get(name)][:2]


def _heading(run: "WatchedRun") -> str:
    return "  ".join([run.record.id, *_status(run)])


def _status(run: "WatchedRun") -> list[str]:
    if run.curve is None:
        return [f"{run.status}{f': {run.stage}' if run.stage else ''}"]
    done = len(run.curve.history)
    epoch = f"epoch {min(done + run.is_training, run.epochs)} of {run.epochs}"
    if not run.is_training:
        state = run.status if run.status != "running" else f"training complete, now: {run.stage}"
        return [state, epoch, *_speed(run.images_per_second)]
    return ["training", epoch, *_speed(run.images_per_second), *_left(run)]


def _speed(speed: float | None) -> list[str]:
    return [f"{speed:,.0f} images/s"] if speed else []


def _left(run: "WatchedRun") -> list[str]:
    left = run.seconds_left
    if left is None:
        return []
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return [f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"]


def _print_lines(runs: "Iterator[WatchedRun]") -> "WatchedRun":
    run, printed = next(runs), 0
    if run.curve is None:
        print_line(_heading(run))
    while True:
        printed = _print_epochs(run, printed)
        following = next(runs, None)
        if following is None:
            break
        run = following
    print_line(_heading(run))
    return run


def _print_epochs(run: "WatchedRun", printed: int) -> int:
    """Print the epochs after those that were printed, and return the number of all."""
    if run.curve is None:
        return printed
    history = run.curve.history
    for number, logs in list(enumerate(history, start=1))[printed:]:
        values = [f"{name} {value:.4f}" for name, value in logs.items()]
        speed = _speed(run.curve.speeds[number - 1] if number <= len(run.curve.speeds) else None)
        left = _left(run) if number == len(history) and run.is_training else []
        print_line("  ".join([f"epoch {number}/{run.epochs}", *values, *speed, *left]))
    return max(printed, len(history))


def watch_document(run: "WatchedRun") -> dict[str, Any]:
    """Return the document of ``pipeline watch --json``."""
    curve = run.curve
    return {
        "id": run.record.id,
        "status": run.status,
        "stage": run.stage,
        "epoch": len(curve.history) if curve else 0,
        "epochs": run.epochs,
        "images_per_second": run.images_per_second,
        "seconds_left": run.seconds_left,
        "history": curve.history if curve else [],
    }
