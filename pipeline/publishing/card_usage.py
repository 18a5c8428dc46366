"""How to load a published version: code for each runtime that opens one of its files.

The code runs in the folder of the version; a test executes it.
"""

from pipeline.artifacts.model_contract import INPUT, SIGNATURE
from pipeline.publishing.golden import GOLDEN
from pipeline.publishing.manifest import Description

_IMAGES = """\
import numpy as np

images = np.load("{golden}")["images"]  # a few test images: uint8 [n, {shape}]"""

_KERAS = """\
import keras

model = keras.saving.load_model("model.keras")
{output} = model.predict(images)"""

_TENSORFLOW = """\
import tensorflow as tf

model = tf.saved_model.load(".")
{output} = model.signatures["{signature}"]({input}=tf.constant(images))["{output}"]"""

_ONNXRUNTIME = """\
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
[{output}] = session.run(["{output}"], {{"{input}": images}})"""

_OPENVINO = """\
import openvino

precision = {{"INFERENCE_PRECISION_HINT": "f32"}}  # else bfloat16 on some processors
model = openvino.compile_model("{file}", "CPU", precision)
{output} = model(images)["{output}"]"""

_LITERT = """\
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("model.tflite")
{output} = interpreter.get_signature_runner("{signature}")({input}=images)["{output}"]"""

_JAVASCRIPT = """\
import * as ort from "onnxruntime-node";

const session = await ort.InferenceSession.create("model.onnx");
const pixels = new Uint8Array({size}); // one image, row by row
const {input} = new ort.Tensor("uint8", pixels, [1, {shape}]);
const {{ {output} }} = await session.run({{ {input} }});
console.log({output}.data);"""

# Title, language, code, and the formats of which a version must have one.
_SNIPPETS = (
    ("Keras", "python", _KERAS, ("keras",)),
    ("TensorFlow", "python", _TENSORFLOW, ("saved_model",)),
    ("ONNX Runtime", "python", _ONNXRUNTIME, ("onnx",)),
    ("JavaScript (Node.js; in a browser, import onnxruntime-web)", "js", _JAVASCRIPT, ("onnx",)),
    ("OpenVINO", "python", _OPENVINO, ("openvino", "onnx")),
    ("LiteRT", "python", _LITERT, ("litert",)),
)


def usage_section(description: Description) -> list[str]:
    """Return the code for the files that the version has."""
    [output], shape = description.contract.outputs, description.contract.image_shape
    size = 1
    for length in shape:
        size *= length
    values = {
        "golden": GOLDEN,
        "input": INPUT,
        "output": output.name,
        "signature": SIGNATURE,
        "shape": ", ".join(map(str, shape)),
        "size": size,
        "file": "model.xml" if "openvino" in description.formats else "model.onnx",
    }
    lines = ["## Use", "", "In the folder of this version:", "", *_code("python", _IMAGES, values)]
    for title, language, code, formats in _SNIPPETS:
        if any(name in description.formats for name in formats):
            lines += [f"{title}:", "", *_code(language, code, values)]
    return lines


def _code(language: str, code: str, values: dict[str, object]) -> list[str]:
    return [f"```{language}", code.format_map(values), "```", ""]
