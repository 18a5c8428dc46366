"""Write the tables and figures of docs/lecture.md: ``python -m benchmarks.lecture``."""

from benchmarks.lecture import softmax_variants
from benchmarks.lecture.diagrams import layers_figure, scalar_figure
from benchmarks.lecture.figures import batch_size_figure, optimizers_figure, weights_figure
from benchmarks.lecture.outputs_figure import probability_figure, value_figure
from benchmarks.lecture.softmax_figure import softmax_figure
from benchmarks.lecture.tables import write_tables
from benchmarks.machine import PROJECT, RESULTS
from pipeline.textbook.scalar_example import Weights

_FIGURES = PROJECT / "docs" / "figures"


def main() -> None:
    """Train what is not up to date; write the tables and the figures."""
    if not (RESULTS / "lecture_softmax.json").exists():
        softmax_variants.main()
    write_tables()
    figures = {
        "weights": weights_figure("softmax", "The weights of the softmax classifier"),
        "product": weights_figure("linear_deep", "The product of three weight matrices"),
        "layers": layers_figure((784, 512, 512, 10)),
        "probability": probability_figure(),
        "value": value_figure(),
        "backpropagation": scalar_figure(1, 1, Weights(2, 0.5, 3)),
        "batch_size": batch_size_figure(),
        "optimizers": optimizers_figure(),
        "softmax": softmax_figure(),
    }
    _FIGURES.mkdir(exist_ok=True)
    for name, drawing in figures.items():
        (_FIGURES / f"lecture_{name}.svg").write_text(drawing)


if __name__ == "__main__":
    main()
