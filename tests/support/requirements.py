"""Marks for tests that need a runtime that may not be installed."""

import pytest

from pipeline.runtimes.registry import choose_runtime


def _absent(runtime: str) -> pytest.MarkDecorator:
    found = choose_runtime(runtime)
    return pytest.mark.skipif(not found.installed, reason=f"{runtime}: {found.package.command}")


needs_node = _absent("onnxruntime-node")


needs_browser = _absent("onnxruntime-web")
