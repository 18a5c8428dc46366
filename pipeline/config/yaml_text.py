"""YAML 1.2 to plain values and back, with ruamel.yaml; its nodes have line numbers."""

import io
import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from pipeline.config.yaml_errors import explain
from pipeline.errors import ConfigError, one_line

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
# YAML 1.2.2, section 10.3.2; ruamel.yaml reads .5e3 and 5e3 without a sign as text.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)")
_DIRECTIVE = re.compile(r"^%YAML (?!1\.2\s*$).*", re.MULTILINE)


class _Constructor(SafeConstructor):
    """Construct plain values only: integers are decimal, dates are text, nothing is merged.

    YAML 1.1 reads 010 as 8, YAML 1.2 as 10: here it is text, as are 0x1F and 1_000.
    """

    def construct_yaml_int(self, node: ScalarNode) -> Any:  # int or str
        text: str = self.construct_scalar(node)
        return int(text) if _DECIMAL.fullmatch(text) else text

    def construct_yaml_float(self, node: ScalarNode) -> Any:  # float or str
        text: str = self.construct_scalar(node)
        return text if "_" in text else super().construct_yaml_float(node)

    def construct_yaml_str(self, node: ScalarNode) -> Any:  # str or float
        text: str = self.construct_scalar(node)
        unquoted = node.style is None
        return float(text) if unquoted and _FLOAT.fullmatch(text) else text

    def flatten_mapping(self, node: MappingNode) -> None:
        """Leave the key << as it is: YAML 1.2 has no merge keys."""

    def check_mapping_key(
        self, node: MappingNode, key_node: Node, mapping: Any, key: Any, value: Any
    ) -> bool:
        """Report both lines of a duplicate key."""
        first = next(other for other, _ in node.value if other.value == key_node.value)
        if first is not key_node:  # also 1 and "1": they would be one key in JSON
            line = first.start_mark.line + 1
            problem = f"duplicate key {key!r}, first on line {line}. Remove one of them"
            raise DuplicateKeyError(None, None, problem, key_node.start_mark)
        return super().check_mapping_key(node, key_node, mapping, key, value)


for _kind in ("int", "float", "str"):
    _Constructor.add_default_constructor(_kind)
for _kind in ("timestamp", "merge", "value"):
    _Constructor.add_default_constructor(_kind, "construct_yaml_str")


def load_yaml(text: str, source: str) -> tuple[Node | None, Any]:
    """Return the root node of the document, or None if it is empty, and its value in JSON types.

    Raises:
        ConfigError: it is not valid YAML, or contains values that JSON does not have.
    """
    if directive := _DIRECTIVE.search(text):  # in YAML 1.1, yes would be true
        raise ConfigError(
            f"Configurations must be YAML 1.2; got {directive[0][:60]!r} in {source}. Remove this "
            "line."
        )
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    yaml.composer.warn_double_anchors = False  # the specification allows them
    try:
        node = yaml.compose(text)
        value = yaml.constructor.construct_document(node) if node else None
    except Exception as error:  # KeyError for !!bool x, AssertionError for !!omap, and others
        raise ConfigError(explain(error, text, source)) from error
    _require_plain(value, source)
    return node, value


def _require_plain(value: Any, source: str) -> None:
    try:
        json.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(
            "A configuration must contain only text, numbers, true, false and null, in lists and "
            f"sections that do not contain themselves; got {one_line(error)} in {source}."
        ) from error


def dump_yaml(values: dict[str, Any], width: int = 200) -> str:
    """Return values as YAML in their order; a mapping of scalars only is on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = width
    text = io.StringIO()
    yaml.dump(values, text)
    return text.getvalue()


def value_text(value: Any) -> str:
    """Return a value as it is written after ``KEY=``: text without quotes where YAML allows it."""
    if isinstance(value, str) and _is_plain(value):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    try:
        return bool(load_yaml(f"[{text}]", "a value")[1] == [text])
    except ConfigError:
        return False
