"""The gRPC port: the Open Inference Protocol V2, Triton's extensions, TensorFlow Serving."""

import os as _os

# Set before grpc is imported: its messages on standard error are not JSON, and clients can cause
# them.
_os.environ.setdefault("GRPC_VERBOSITY", "NONE")
