"""The typed, frozen configuration: its schema, and reading it from YAML and the command line."""

from pipeline.config.reading import read
from pipeline.config.schema import Config

__all__ = ["Config", "read"]
