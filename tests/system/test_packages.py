"""The versions of installed packages, under each name that a package is distributed by."""

from importlib.metadata import PackageNotFoundError

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
    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(packages, "version", version)
    assert packages.installed_version("tensorflow") == expected
