"""Signatures of versions: ``signatures/VERSION.sig`` beside the versions, which never change.

A signature is that of the manifest, which has the SHA-256 of every file of the version.
"""

from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import MANIFEST, PublishedModel
from pipeline.trust.signing import NotSigned, SignatureMismatch, require_signature, sign_content

SIGNATURES = "signatures"


def signature_path(folder: Path) -> Path:
    """Return the file for the signature of the version in ``folder``; it need not exist."""
    return folder.parent / SIGNATURES / f"{folder.name}.sig"


def sign_version(published: PublishedModel, key: Path, *, setting: str) -> None:
    """Sign a version; ``setting`` is the option or key of the configuration that names the key.

    Raises:
        ModelError: its folder has another name or number than its manifest.
        RequestError: the key cannot sign.
        StorageError: the signature cannot be written.
        MissingExtra: the extra ``signing`` is not installed.
    """
    _require_own_folder(published)
    sign_content(published.text, signature_path(published.path), key, setting=setting)


def require_signed(published: PublishedModel, public_key: Path) -> None:
    """Check the signature of a version; no other file than its manifest is read.

    Raises:
        ModelError: it is not signed, was altered or renamed, or was signed with another key.
        RequestError: the public key is not one.
        MissingExtra: the extra ``signing`` is not installed.
    """
    folder = published.path
    signature = signature_path(folder)
    try:
        require_signature(published.text, signature, public_key)
    except NotSigned as error:
        raise ModelError(
            f"{folder} is not signed: {signature} does not exist. None of its files were opened. "
            f"If you trust it, sign it: {_sign_command(folder)}"
        ) from error
    except SignatureMismatch as error:
        raise ModelError(
            f"The signature of {folder} does not match its {MANIFEST} and the key {public_key}: "
            "the version was altered after it was signed, or signed with another key. None of its "
            f"files were opened. Restore the version and {signature}, or specify the key that it "
            f"was signed with. If you trust it, sign it again: {_sign_command(folder)}"
        ) from error
    _require_own_folder(published)


def _sign_command(folder: Path) -> str:
    return f"pipeline sign {folder.parent.name}/{folder.name} --key FILE"


def _require_own_folder(published: PublishedModel) -> None:
    """Check that no version passes for another one, such as an old one for the newest."""
    folder, own = published.path.absolute(), f"{published.name}/{published.version}"
    if f"{folder.parent.name}/{folder.name}" != own:
        raise ModelError(
            f"{published.path} has the manifest of {own}: it was renamed, or put in the place of "
            "another version. None of its files were opened. The folder of a signed version must "
            f"be {own}, as when it was published. Restore it."
        )
