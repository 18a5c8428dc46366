"""The gRPC port: the Open Inference Protocol V2."""
