"""Signing what a file contains with a private key, and checking its signature with the public one.

``model_signing verify key`` accepts the same signatures.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import one_line
from pipeline.system.atomic import explain_storage_errors, remove_abandoned, write_file
from pipeline.system.regular_files import read_regular
from pipeline.system.scratch import scratch_folder
from pipeline.trust.keys import password, require_private_key, require_public_key

_MAX_BYTES = 2**20  # of a signature, which has 2 kB
_FILE, _SIGNATURE = "manifest.json", "signature"


class NotSigned(Exception):
    """There is no signature."""


class SignatureMismatch(Exception):
    """The signature is not that of the file, or of another key."""


def sign_content(content: bytes, signature: Path, key: Path, *, setting: str) -> None:
    """Write the signature of a file's content; it replaces an earlier one.

    Raises:
        RequestError: the key, which ``setting`` names, cannot sign.
        StorageError: the signature cannot be written.
        MissingExtra: the extra ``signing`` is not installed.
    """
    require_private_key(key, setting)
    from model_signing import signing

    # The constructor has no annotation, and the password is bytes in spite of its own.
    config: Any = signing.Config
    signer = config().use_elliptic_key_signer(private_key=key, password=password())
    with _copies({_FILE: content}) as folder:
        # The name is in the signature; no other part of the path is.
        signer.sign(folder / _FILE, folder / _SIGNATURE)
        text = (folder / _SIGNATURE).read_bytes()
    with explain_storage_errors(signature):
        signature.parent.mkdir(exist_ok=True)
        remove_abandoned(signature.parent)
    write_file(signature, text)


def require_signature(content: bytes, signature: Path, public_key: Path) -> None:
    """Check that a file's content was signed with the private key that belongs to ``public_key``.

    Raises:
        NotSigned: the signature does not exist.
        SignatureMismatch: it belongs to another file or key, or is damaged.
        RequestError: the public key is not one.
        StorageError: the temporary folder cannot be written.
        MissingExtra: the extra ``signing`` is not installed.
    """
    require_public_key(public_key, "--public-key")
    try:
        text = read_regular(signature, _MAX_BYTES)
    except FileNotFoundError as error:
        raise NotSigned(str(error)) from error
    except OSError as error:
        raise SignatureMismatch(one_line(error, 100)) from error
    mismatch = _mismatch(content, text, public_key)
    if mismatch is not None:
        raise SignatureMismatch(one_line(mismatch, 100)) from mismatch


def _mismatch(content: bytes, signature: bytes, public_key: Path) -> Exception | None:
    """Return why a signature is not that of a content, or None if it is."""
    from model_signing import verifying

    config: Any = verifying.Config
    with _copies({_FILE: content, _SIGNATURE: signature}) as folder:
        verifier = config().use_elliptic_key_verifier(public_key=public_key)
        try:
            verifier.verify(folder / _FILE, folder / _SIGNATURE)
        except Exception as error:  # noqa: BLE001  (the library parses any bytes)
            return error
    return None


@contextmanager
def _copies(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Yield a folder with copies of files: what is signed or checked is what the caller has read.

    The library reads files itself, and another process could exchange them in the meantime.
    """
    temporary = Path(tempfile.gettempdir())
    with explain_storage_errors(temporary, setting="TMPDIR"), scratch_folder() as folder:
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        yield folder
