"""Signatures of versions: ``signatures/VERSION.sig`` beside the versions, which never change.

A signature is that of the manifest, which has the SHA-256 of every file of the version.
"""

from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import MANIFEST
from pipeline.trust.signing import NotSigned, SignatureMismatch, require_signature, sign_file

SIGNATURES = "signatures"


def signature_path(folder: Path) -> Path:
    """Return the file for the signature of the version in ``folder``; it need not exist."""
    return folder.parent / SIGNATURES / f"{folder.name}.sig"


def sign_version(folder: Path, key: Path, *, setting: str) -> None:
    """Sign a version; ``setting`` is the option or key of the configuration that names the key.

    Raises:
        RequestError: the key cannot sign.
        StorageError: the signature cannot be written.
        MissingExtra: the extra ``signing`` is not installed.
    """
    sign_file(folder / MANIFEST, signature_path(folder), key, setting=setting)


def require_signed(folder: Path, public_key: Path) -> None:
    """Check the signature of a version; no other file than its manifest is read.

    Raises:
        ModelError: it is not signed, was altered, or was signed with another key.
        RequestError: the public key is not one.
        MissingExtra: the extra ``signing`` is not installed.
    """
    signature = signature_path(folder)
    try:
        require_signature(folder / MANIFEST, signature, public_key)
    except NotSigned as error:
        raise ModelError(
            f"{folder} is not signed: {signature} does not exist. None of its files were opened. "
            f"If you trust it, sign it: pipeline sign {folder.parent.name}/{folder.name} --key FILE"
        ) from error
    except SignatureMismatch as error:
        raise ModelError(
            f"The signature of {folder} does not match its {MANIFEST} and the key {public_key}: "
            "the version was altered after it was signed, or signed with another key. None of its "
            f"files were opened. Restore the version and {signature}, or publish it again."
        ) from error
