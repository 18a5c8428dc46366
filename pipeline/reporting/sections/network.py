"""The network: its layers, first-layer weights as pictures, distributions, dead units."""

from html import escape

from pipeline.reporting.figures.distributions import weights_chart
from pipeline.reporting.html import figure, grid, section, table
from pipeline.reporting.pictures import data_uri, sheet, weight_pictures
from pipeline.reporting.subject import Subject, spec_of, title

_COLUMNS = 12
_SPLITS = ("validation", "test")


def network(subject: Subject) -> str:
    """Return what is known of the weights and units."""
    return section(
        "network",
        "Network",
        _members(subject),
        _layers(subject),
        grid(_first_layer(subject), _weights(subject)),
        _units(subject),
    )


def _layers(subject: Subject) -> str:
    numbers = subject.numbers.at("train", "facts", "layers")
    rows = [
        [
            escape(layer.name),
            escape(layer.kind),
            " &times; ".join(numbers.show(n, "shape", axis) for axis in range(len(layer.shape))),
            numbers.show(n, "parameters"),
        ]
        for n, layer in enumerate(subject.run.train.facts.layers)
    ]
    return table("Layers", ["layer", "kind", "output", "parameters"], rows, texts=2)


def _members(subject: Subject) -> str:
    """Return the scores of the networks of a committee, each alone."""
    found = subject.run.evaluate.facts.members
    if not found:
        return ""
    numbers, name = subject.numbers.at("evaluate", "facts", "members"), found[0].name
    rows = [
        [f"{n + 1}", *(numbers.show(n, split, spec=spec_of(name)) for split in _SPLITS)]
        for n in range(len(found))
    ]
    text = f"<p>The model returns the mean of the outputs of {len(found)} networks.</p>"
    head = ["network", *(f"{title(name)}, {split}" for split in _SPLITS)]
    return text + table("Networks of the committee, each alone", head, rows)


def _first_layer(subject: Subject) -> str:
    found, network = subject.measures.first_units, subject.run.network
    if network is None or not found:
        return ""
    shape, layer = subject.run.data.facts.image_shape, network.layers[0]
    pictures = weight_pictures(layer.kernel[:, list(found)], shape)
    columns = min(_COLUMNS, len(found))
    uri = data_uri(sheet(pictures, columns, gap=2))
    color = shape[-1] == 3  # noqa: PLR2004  (red, green, blue)
    text = (
        "The weights of a unit by pixel, as colors; gray is 0."
        if color
        else "Positive weights are blue, negative ones orange, and 0 is the background."
    ) + " Each unit has its own scale. Those with the largest weights are shown."
    alternative = f"Weights of {len(found)} units of the layer {layer.name} as pictures"
    image = f'<img class="weights" src="{uri}" alt="{escape(alternative)}">'
    return figure("Weights of the first layer", image, text)


def _weights(subject: Subject) -> str:
    found, numbers = subject.measures.weights, subject.measured.at("weights")
    if not found:
        return ""
    rows = [
        [escape(layer.layer), numbers.show(n, "mean", spec=".4f"),
         numbers.show(n, "deviation", spec=".4f")]
        for n, layer in enumerate(found)
    ]  # fmt: skip
    return figure(
        "Distribution of the weights",
        weights_chart(found),
        "Without biases.",
        table("Weights by layer", ["layer", "mean", "standard deviation"], rows),
    )


def _units(subject: Subject) -> str:
    found, numbers = subject.measures.units, subject.measured.at("units")
    if not found:
        return ""
    rows = [
        [escape(units.layer), numbers.show(n, "units"), numbers.show(n, "dead"),
         numbers.show(n, "active", spec=".1%")]
        for n, units in enumerate(found)
    ]  # fmt: skip
    head = ["hidden layer", "units", "dead units", "active"]
    return (
        f"<h3>Units</h3><p>A dead unit has the same output for all test images. Active is the mean "
        f"share of test images for which the output of a unit is not 0.</p>"
        f"{table('Units of the hidden layers', head, rows)}"
    )
