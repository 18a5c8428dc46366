"""Write a page: its template with the data as JSON."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline.system.atomic import write_file

_DATA = "/*data*/null"


def write_page(path: Path, template: str, data: Any) -> None:
    """Write the page ``template`` of this folder with ``data``, which its script reads.

    Raises:
        StorageError: the file cannot be written.
    """
    text = (resources.files(__package__) / template).read_text("utf-8")
    embedded = json.dumps(data, allow_nan=False).replace("<", "\\u003c")  # no </script>
    write_file(path, text.replace(_DATA, embedded).encode())
