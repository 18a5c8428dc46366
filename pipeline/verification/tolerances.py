"""How far probabilities may be from those of the trained float32 model; compared with rtol=0.

An error dz of the largest logit changes a probability p by at most 2 p (1 - p) dz <= dz / 2, so
the tolerances are bounds on errors of logits, halved.
"""

from pipeline.artifacts.formats import FLOAT16, FLOAT32, INT8

# Float32 resolves 6e-8 at 1. The sums of a dense layer add about sqrt(n) roundings each;
# correct runtimes were observed to differ by 3e-8 to 2e-6, and one that computes in bfloat16 by
# 2e-3.
FLOAT32_TOLERANCE = 1e-5

# Half precision rounds to 2^-11 of a value: logits up to 32 by at most 0.016. Earlier layers add as
# much again if a runtime also accumulates in half precision. Observed: 5e-4 to 3e-3.
FLOAT16_TOLERANCE = 2e-2

# 8 bits resolve a range of activations to 1/255 of it, 7 bits (see export/onnx_int8) weights to
# 1/126. Logits that span 40 are rounded by 0.08. The roundings of weights and activations in three
# earlier layers, each of that order and partly canceling, bring it to about 0.5 for the worst of
# 10,000 images. Observed: 0.1. Tests show that an altered scale is far beyond the tolerance.
INT8_TOLERANCE = 0.25

TOLERANCES = {FLOAT32: FLOAT32_TOLERANCE, FLOAT16: FLOAT16_TOLERANCE, INT8: INT8_TOLERANCE}
