"""Prints the V2 gRPC service as tritonclient has it: a FileDescriptorProto as JSON."""

from google.protobuf import descriptor_pb2, json_format
from tritonclient.grpc import service_pb2

if __name__ == "__main__":
    file = descriptor_pb2.FileDescriptorProto()
    service_pb2.DESCRIPTOR.CopyToProto(file)
    print(json_format.MessageToJson(file))
