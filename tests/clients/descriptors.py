"""Print tritonclient's V2 gRPC service as JSON of a FileDescriptorProto."""

from google.protobuf import descriptor_pb2, json_format
from tritonclient.grpc import service_pb2

if __name__ == "__main__":
    file = descriptor_pb2.FileDescriptorProto()
    service_pb2.DESCRIPTOR.CopyToProto(file)
    print(json_format.MessageToJson(file))
