"""``sbom.cdx.json``: the software bill of materials of a version, as CycloneDX 1.6.

It has no time and no random number, and lists the files of the model, not those about it: the same
model has the same bill whenever it is published in the same environment.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import Distribution
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.system.packages import find_distribution

SBOM_FILE = "sbom.cdx.json"
_PROJECT, _EXTRAS = "dense-pipeline", ("train", "runtimes")


def sbom(name: str, version: int, files: Mapping[str, str], license_id: str | None) -> str:
    """Return the bill of a model: ``files`` with their SHA-256, and the installed packages.

    The packages are those that this project requires with the extras ``train`` and ``runtimes``,
    directly or indirectly.
    """
    packages = _installed()
    components = {name: package.component() for name, package in packages.items()}
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        name=name,
        version=str(version),
        licenses=[LicenseExpression(license_id)] if license_id else None,
        components=[_file(path, digest) for path, digest in files.items()],
    )
    text = " ".join(f"{path} {digest}" for path, digest in sorted(files.items()))
    bill = Bom(components=components.values(), serial_number=uuid5(NAMESPACE_URL, f"{name} {text}"))
    bill.metadata.component = model
    bill.metadata.timestamp = None  # type: ignore[assignment]  # optional in the schema
    bill.dependencies = [
        _dependencies(model, [components[_PROJECT]]),
        *(
            _dependencies(
                components[name], [components[r] for r in package.required & components.keys()]
            )
            for name, package in packages.items()
        ),
    ]
    return JsonV1Dot6(bill).output_as_string(indent=2) + "\n"


def _file(path: str, sha256: str) -> Component:
    digest = HashType(alg=HashAlgorithm.SHA_256, content=sha256)
    return Component(type=ComponentType.FILE, bom_ref=path, name=path, hashes=[digest])


def _dependencies(component: Component, required: Iterable[Component]) -> Dependency:
    return Dependency(component.bom_ref, [Dependency(other.bom_ref) for other in required])


class _Package:
    """An installed package; `Distribution` reads and parses its file for each property."""

    def __init__(self, distribution: Distribution) -> None:
        self._metadata = distribution.metadata
        self._requires = distribution.requires or ()

    def component(self) -> Component:
        name, version = self._metadata["Name"], self._metadata["Version"]
        expression = str(self._metadata.json.get("license_expression", ""))
        url = PackageURL("pypi", name=canonicalize_name(name), version=version)
        return Component(
            type=ComponentType.LIBRARY,
            bom_ref=str(url),
            name=name,
            version=version,
            licenses=[LicenseExpression(expression)] if expression else None,
            purl=url,
        )

    @cached_property
    def required(self) -> set[str]:
        """The names of the packages that it requires on this machine."""
        extras = _EXTRAS if self._metadata["Name"] == _PROJECT else ("",)
        requirements = map(Requirement, self._requires)
        return {
            canonicalize_name(requirement.name)
            for requirement in requirements
            if requirement.marker is None
            or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
        }


def _installed() -> dict[str, _Package]:
    """Return this project and every package that it requires and that is installed, by name."""
    found: dict[str, _Package | None] = {}
    waiting = {_PROJECT}
    while waiting:
        found |= {name: _find(name) for name in waiting}
        packages = (package for name in waiting if (package := found[name]))
        waiting = {name for package in packages for name in package.required} - found.keys()
    return {name: package for name, package in sorted(found.items()) if package}


def _find(name: str) -> _Package | None:
    found = find_distribution(name)
    return _Package(found) if found else None
