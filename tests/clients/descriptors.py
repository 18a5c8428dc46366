"""Print tritonclient's V2 gRPC service as JSON: a list of FileDescriptorProtos."""

import json

from google.protobuf import descriptor_pb2, json_format
from tritonclient.grpc import model_config_pb2, service_pb2


def main() -> None:
    found = []
    for module in (service_pb2, model_config_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        found.append(json_format.MessageToDict(file))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
