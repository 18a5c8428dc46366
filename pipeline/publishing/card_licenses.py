"""Licenses on a model card: that of the model, and those of the data sets."""

from dataclasses import dataclass

from pipeline.config.data_schema import FOLDER

# The identifiers that Hugging Face knows (huggingface.co/docs/hub/repositories-licenses), without
# families such as "cc" and without licenses of certain models.
_IDENTIFIERS = """
afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
bigscience-openrail-m bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc0-1.0 cc-by-2.0
cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0
cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m ecl-2.0 epl-1.0
epl-2.0 etalab-2.0 eupl-1.1 gpl-2.0 gpl-3.0 isc lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0
ms-pl ncsa ofl-1.1 openrail openrail++ osl-3.0 postgresql unlicense wtfpl zlib
"""
_KNOWN = frozenset(_IDENTIFIERS.split())
_FAMILIES = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}
_CATALOG = "https://www.tensorflow.org/datasets/catalog"


@dataclass(frozen=True)
class DataSetTerms:
    """A data set: its title, its name on the Hugging Face Hub, its home if any, its license."""

    title: str
    hub: str
    home: str
    license: str


_SETS = {
    FOLDER: DataSetTerms(
        "Own pictures", "folder", "", "whose origin and license only their owner can tell"
    ),
    "mnist": DataSetTerms(
        "MNIST",
        "ylecun/mnist",
        "http://yann.lecun.com/exdb/mnist/",
        "by Yann LeCun and Corinna Cortes; license: CC BY-SA 3.0, according to the documentation "
        "of Keras",
    ),
    "fashion_mnist": DataSetTerms(
        "Fashion-MNIST",
        "zalando-datasets/fashion_mnist",
        "https://github.com/zalandoresearch/fashion-mnist",
        "by Zalando; license: MIT",
    ),
    "kmnist": DataSetTerms(
        "Kuzushiji-MNIST",
        "kmnist",
        "http://codh.rois.ac.jp/kmnist/index.html.en",
        "by the Center for Open Data in the Humanities (CODH), from the Kuzushiji Dataset of the "
        "National Institute of Japanese Literature; license: CC BY-SA 4.0",
    ),
    "emnist": DataSetTerms(
        "EMNIST",
        "emnist",
        "https://www.nist.gov/itl/products-and-services/emnist-dataset",
        "from NIST Special Database 19; its authors state no license, so see the terms of NIST",
    ),
    "cifar10": DataSetTerms(
        "CIFAR-10",
        "uoft-cs/cifar10",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton; its authors state no license",
    ),
}


def terms_of(data_set: str) -> DataSetTerms:
    """Return the terms of a data set of TensorFlow Datasets, such as emnist/letters or mnist:3.0.1.

    The license of a set that is not known here must be looked up.
    """
    name = data_set.split(":", maxsplit=1)[0].split("/", maxsplit=1)[0]
    unknown = "its license is not known to this pipeline: look it up before you use the model"
    return _SETS.get(name) or DataSetTerms(data_set, name, f"{_CATALOG}/{name}", unknown)


def hub_license(license_id: str | None) -> dict[str, str]:
    """Return the license of a model in the metadata of Hugging Face, by its SPDX identifier.

    Identifiers are in lower case there, and one of no list is the name of an ``other`` license.
    """
    if license_id is None:
        return {"license": "unknown"}
    name = license_id.lower()
    short = _FAMILIES.get(name, name.removesuffix("-only").removesuffix("-or-later"))
    if short in _KNOWN or short in _FAMILIES.values():
        return {"license": short}
    return {"license": "other", "license_name": name}
