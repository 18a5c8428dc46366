"""Signing a file with a private key, and checking its signature with the public one.

``model_signing verify key`` accepts the same signatures.
"""

from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError, one_line
from pipeline.system.atomic import explain_storage_errors, temporary_path
from pipeline.system.regular_files import read_regular
from pipeline.trust.keys import password, require_private_key, require_public_key

_MAX_BYTES = 2**20  # of a signature, which has 2 kB


class NotSigned(Exception):
    """There is no signature."""


class SignatureMismatch(Exception):
    """The signature is not that of the file, or of another key."""


def sign_file(file: Path, signature: Path, key: Path, *, setting: str) -> None:
    """Write the signature of a file; it replaces an earlier one.

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
    temporary = temporary_path(signature)
    with explain_storage_errors(signature):
        signature.parent.mkdir(exist_ok=True)
        try:
            signer.sign(file, temporary)
            temporary.rename(signature)
        finally:
            temporary.unlink(missing_ok=True)


def require_signature(file: Path, signature: Path, public_key: Path) -> None:
    """Check that a file has the signature of the private key that belongs to ``public_key``.

    Raises:
        NotSigned: the signature does not exist.
        SignatureMismatch: it belongs to another file or key, or is damaged.
        RequestError: the public key is not one.
        MissingExtra: the extra ``signing`` is not installed.
    """
    require_public_key(public_key, "--public-key")
    from model_signing import verifying

    try:
        read_regular(signature, _MAX_BYTES)  # opening a named pipe would wait for another process
        config: Any = verifying.Config
        verifier = config().use_elliptic_key_verifier(public_key=public_key)
        verifier.verify(file, signature)
    except PipelineError:
        raise
    except FileNotFoundError as error:
        raise NotSigned(str(error)) from error
    except Exception as error:  # the signature may be any bytes, which the library parses
        raise SignatureMismatch(one_line(error, 100)) from error
