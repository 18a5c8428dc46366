"""What a version was made from: data, code and weights by their SHA-256, and the machine.

Together with the SHA-256 of each file, it is a chain from the data to what users download.
"""

from pydantic import BaseModel, ConfigDict

from pipeline.system.machine import Machine


class Provenance(BaseModel):
    """The chain: ``data`` by file of the stage, ``code`` by module, both with their SHA-256.

    ``code_sha256`` is that of all lines ``MODULE SHA-256``, sorted. ``weights_sha256`` is defined
    in ``verification/weights/digest.py``. The machine is that of the publication.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    data: dict[str, str]
    code: dict[str, str]
    code_sha256: str
    weights_sha256: str | None
    machine: Machine
