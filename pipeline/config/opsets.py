"""The opsets of ONNX files that are proven: those of ``export.opset``."""

LOWEST = 13
HIGHEST = 18  # tf2onnx 1.17
OPSET_RULE = (
    f"a whole number from {LOWEST}, the first opset with per-column quantization, to {HIGHEST}, "
    "the newest that tf2onnx writes (activations compute the same in all of them)"
)
