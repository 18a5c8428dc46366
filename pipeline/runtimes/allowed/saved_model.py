"""The operators of SavedModels, in the graph and in all its functions.

TensorFlow adds two functions to every SavedModel that write and read its variables. They may use
operators for files, if nothing that is run when a model is loaded or called refers to them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.runtimes.allowed.messages import Message, Reader
from pipeline.runtimes.allowed.tensorflow_operators import OF_GRAPH, OF_SAVERS, OPERATORS

GRAPH = "saved_model.pb"
# Readers of SavedModels also accept these, some of them instead of saved_model.pb.
_OTHER_GRAPHS = ("saved_model.cpb", "saved_model.pbtxt")
_VARIABLES = "variables"

# Field numbers of saved_model.proto, meta_graph.proto, graph.proto, function.proto, saver.proto,
# node_def.proto, attr_value.proto and saved_object_graph.proto.
_META_GRAPH = 2  # of a SavedModel
_GRAPH, _SAVER, _COLLECTION, _SIGNATURE, _ASSET, _OBJECTS = 2, 3, 4, 5, 6, 7  # of a meta graph
_NODE, _FUNCTION = 1, (2, 1)  # of a graph, the latter in its library
_NAME_OF_FUNCTION, _NODE_OF_FUNCTION = (1, 1), 3
_NAME, _OPERATOR, _INPUT, _CALLED = 1, 2, 3, (5, 2, 10, 1)  # of a node
_SAVE_TENSOR, _RESTORE_NODE = 2, 3  # of a saver
_OBJECT, _USER_OBJECT, _ASSET_OBJECT, _RESOURCE, _REGISTERED_NAME = 1, 4, 5, 10, 13
_USER_OBJECTS = {
    "_generic_user_object",
    "signature_map",
    "trackable_dict_wrapper",
    "trackable_list_wrapper",
    "trackable_tuple_wrapper",
}  # for others, TensorFlow calls code that a library has registered


def disallowed(folder: Path) -> list[str]:
    """Return everything in a SavedModel that is not allowed, such as ``WriteFile``.

    Raises:
        ValueError: it is not a SavedModel of TensorFlow 2.
    """
    found = [f"the file {name}" for name in _OTHER_GRAPHS if (folder / name).exists()]
    found += [f"the link {path.name}" for path in _files(folder) if _leads_outside(path, folder)]
    if found:
        return found
    content = (folder / GRAPH).read_bytes()
    reader = Reader()
    metas = reader.inside(memoryview(content), _META_GRAPH)
    # TensorFlow treats all others as graphs of TensorFlow 1, and runs nodes when it loads them.
    if len(metas) != 1 or not reader.inside(metas[0], _OBJECTS):
        raise ValueError("a SavedModel must have one graph, written by TensorFlow 2")
    [meta] = metas
    savers = _functions_of_saver(reader, meta, content)
    return [*_in_graph(reader, meta, savers), *_in_objects(reader, meta)]


def _files(folder: Path) -> list[Path]:
    variables = folder / _VARIABLES
    return [folder / GRAPH, folder / "fingerprint.pb", variables, *variables.glob("*")]


def _leads_outside(path: Path, folder: Path) -> bool:
    return not path.resolve().is_relative_to(folder.resolve())


def _functions_of_saver(reader: Reader, meta: Message, content: bytes) -> set[str]:
    """Return the functions that can only be run by the saver's nodes, which nothing refers to."""
    savers = {
        _node_of(tensor)
        for field in (_SAVE_TENSOR, _RESTORE_NODE)
        for tensor in reader.texts(meta, _SAVER, field)
    }
    nodes = reader.inside(meta, _GRAPH, _NODE)
    used = {_node_of(tensor) for node in nodes for tensor in reader.texts(node, _INPUT)}
    others = reader.inside(meta, _COLLECTION) + reader.inside(meta, _SIGNATURE)
    savers = {name for name in savers - used if not any(_names(name, one) for one in others)}
    called = [
        function
        for node in nodes
        if savers.issuperset(reader.texts(node, _NAME))
        for function in reader.texts(node, *_CALLED)
    ]
    # Wherever a function is referred to, its name is in the file. These two are where it is
    # defined and where the saver's node calls it.
    return {name for name in called if name and content.count(name.encode()) == 2}  # noqa: PLR2004


def _node_of(tensor: str) -> str:
    """Return the node of a tensor ``node:0`` or of a control input ``^node``."""
    return tensor.removeprefix("^").split(":")[0]


def _names(node: str, message: Message) -> bool:
    """Return whether a message contains the name of a node, not only as a part of another name."""
    return bool(re.search(rb"(?<![\w/.-])%s(?![\w/.-])" % re.escape(node.encode()), message))


def _in_graph(reader: Reader, meta: Message, savers: set[str]) -> Iterator[str]:
    for node in reader.inside(meta, _GRAPH, _NODE):
        yield from _operators_not_in(OF_GRAPH, reader, node)
    for function in reader.inside(meta, _GRAPH, *_FUNCTION):
        names = reader.texts(function, *_NAME_OF_FUNCTION)
        known = OF_SAVERS if names and savers.issuperset(names) else OPERATORS
        for node in reader.inside(function, _NODE_OF_FUNCTION):
            yield from _operators_not_in(known, reader, node)


def _operators_not_in(known: frozenset[str], reader: Reader, node: Message) -> Iterator[str]:
    # A field that occurs twice counts as its last value: every value must be allowed.
    operators = reader.texts(node, _OPERATOR) or ["(unnamed)"]
    return (operator for operator in operators if operator not in known)


def _in_objects(reader: Reader, meta: Message) -> Iterator[str]:
    yield from (f"the asset {name}" for name in reader.texts(meta, _ASSET, 2))
    for item in reader.inside(meta, _OBJECTS, _OBJECT):
        types = [*reader.texts(item, _USER_OBJECT, 1), *reader.texts(item, _REGISTERED_NAME)]
        yield from (f"an object of the type {name}" for name in types if name not in _USER_OBJECTS)
        for field, what in ((_ASSET_OBJECT, "an asset"), (_RESOURCE, "a resource")):
            yield from (what for _ in reader.inside(item, field))
