"""ONNX files in onnxruntime-web: WebAssembly in a real browser."""

from pipeline.runtimes.javascript import JavaScriptPredictor
from pipeline.runtimes.npm import CHROMIUM, NODE, NpmPackage
from pipeline.runtimes.packages import find_program
from pipeline.runtimes.registry import Runtime


class WebPredictor(JavaScriptPredictor):
    """An ONNX file in a page of headless Chromium, as visitors of a website would run it."""

    script = "browser.mjs"
    warm_up_seconds = 1  # hot functions are compiled again with optimizations

    def programs(self) -> list[str]:
        """Return the path of Chromium."""
        return [str(find_program(CHROMIUM))]


RUNTIME = Runtime(
    "onnxruntime-web",
    ("onnx", "onnx_int8", "onnx_fp16"),
    NpmPackage(("onnxruntime-web", "playwright-core"), programs=(NODE, CHROMIUM)),
    WebPredictor,
    reserved_bytes=8 * 10**9,  # by Chromium, for WebAssembly
)
