"""What a model does and what its output means, in words for its card."""

from pipeline.config.data_schema import FOLDER
from pipeline.config.target import target_text
from pipeline.publishing.manifest import Description


def purpose(description: Description) -> str:
    """Return what the model does, as in "a network that classifies images"."""
    images, names = f"images of {data_set(description)}", description.class_names
    of_target = {
        "value": f"predicts the labels of {images} as numbers",
        "scaled_value": f"predicts the labels of {images} as numbers from 0 to 1",
    }
    if not names:
        target = target_text(description.target)
        return of_target.get(target, f"predicts the feature {target} of {images}")
    if isinstance(description.target, dict) and "is" in description.target:
        return f"tells whether {images} are of the class {names[1]}"
    if description.task == "binary":
        return f"distinguishes the classes {names[0]} and {names[1]} in {images}"
    return f"classifies {images} into {len(names)} classes"


def data_set(description: Description) -> str:
    """Name the data set; that of a folder has no name that means anything to others."""
    name = description.data.name
    return "its publisher's own data set" if name == FOLDER else f"the data set {name}"


def meaning(description: Description) -> str:
    """Explain the output."""
    names = description.class_names
    if description.task == "binary":
        return (
            f"The output is the probability of the class {names[1]}; the label is {names[1]} above "
            f"1/2, and {names[0]} otherwise."
        )
    if not names:
        return "The output is the estimate" + (
            ", which is never negative." if description.output == "relu" else "."
        )
    return (
        "The output is the probability of each class, in the order of `class_names` in "
        "`manifest.json`."
    )
