"""The gRPC port: the Open Inference Protocol V2."""

import os as _os

# Before grpc is imported: its lines on standard error are no JSON, and clients can cause them.
_os.environ.setdefault("GRPC_VERBOSITY", "NONE")
