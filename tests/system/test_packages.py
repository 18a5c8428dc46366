"""The versions of installed packages, under each name that a package is distributed by."""

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from pipeline.system import packages


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"tensorflow": "2.21.0"}, "2.21.0"),
        ({"tensorflow-cpu": "2.21.0"}, "2.21.0"),
        ({"tensorflow": "2.21.0", "tensorflow-cpu": "2.20.0"}, "2.21.0"),
        ({"keras": "3.15.1"}, None),
    ],
)
def test_tensorflow_is_found_under_both_names(
    installed: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def distribution(name: str) -> SimpleNamespace:
        if name not in installed:
            raise PackageNotFoundError(name)
        return SimpleNamespace(version=installed[name])

    monkeypatch.setattr(packages, "distribution", distribution)
    assert packages.installed_version("tensorflow") == expected
