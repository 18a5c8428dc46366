"""Tolerances: no sound model may be refused, and no fault that changes behavior accepted.

``python -m campaign.tolerances [SEED]`` draws random networks (``random_models``: deep, wide,
trained for long, with tiny and huge weights, all activations and outputs) and verifies each in
Keras and onnxruntime, some in all installed runtimes. Then it damages their ONNX files
(``faults``), in the weights and in the graph, and asks whether they are refused (``outcomes``).
"""
