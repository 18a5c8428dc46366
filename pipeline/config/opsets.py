"""The opsets of ONNX files that are proven: those of ``export.opset``."""

LOWEST = 13  # the first that can quantize each column of a matrix on its own
HIGHEST = 18  # the newest that tf2onnx 1.17 writes
