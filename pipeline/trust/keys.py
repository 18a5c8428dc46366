"""The key files of signatures: ECDSA keys as PEM."""

import os
from pathlib import Path
from typing import Any

from pipeline.errors import MissingExtra, RequestError, sentence
from pipeline.system.regular_files import read_regular

PASSWORD_VARIABLE = "PIPELINE_KEY_PASSWORD"  # noqa: S105  (the name of the variable)
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
_MAX_BYTES = 2**16
_CREATE = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
_EXTRACT = "openssl ec -in key.pem -pubout -out key.pub"


def require_private_key(key: Path, setting: str) -> None:
    """Check that a file has a private key that can sign; ``setting`` is where it was named.

    An encrypted key needs its password in the environment variable ``PIPELINE_KEY_PASSWORD``.

    Raises:
        RequestError: it has not.
        MissingExtra: the extra ``signing`` is not installed.
    """
    serialization, unsupported = _serialization()
    try:
        text = read_regular(key, _MAX_BYTES)
        found = serialization.load_pem_private_key(text, password())
    except OSError as error:
        raise _unreadable(setting, key, error, private=True) from error
    except TypeError as error:
        raise RequestError(f"Cannot open {key} ({setting}): {_about_password()}") from error
    except (ValueError, unsupported) as error:
        raise _invalid(setting, key, sentence(error), private=True) from error
    _require_curve(setting, key, found, private=True)


def require_public_key(key: Path, setting: str) -> None:
    """Check that a file has a public key that can verify signatures.

    Raises:
        RequestError: it has not.
        MissingExtra: the extra ``signing`` is not installed.
    """
    serialization, unsupported = _serialization()
    try:
        found = serialization.load_pem_public_key(read_regular(key, _MAX_BYTES))
    except OSError as error:
        raise _unreadable(setting, key, error, private=False) from error
    except (ValueError, unsupported) as error:
        raise _invalid(setting, key, sentence(error), private=False) from error
    _require_curve(setting, key, found, private=False)


def password() -> bytes | None:
    """Return the password of private keys, if there is one."""
    text = os.environ.get(PASSWORD_VARIABLE)
    return os.fsencode(text) if text else None


def _about_password() -> str:
    if password() is None:
        return (
            "the key is encrypted. Set the environment variable "
            f"{PASSWORD_VARIABLE} to its password."
        )
    return f"the key is not encrypted, but {PASSWORD_VARIABLE} has a password. Unset the variable."


def _serialization() -> tuple[Any, type[Exception]]:
    """Return the module that reads keys, and its exception for unknown kinds of keys."""
    try:
        import model_signing  # noqa: F401  (both are in the extra)
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ModuleNotFoundError as error:
        raise MissingExtra("Signing", "signing") from error
    return serialization, UnsupportedAlgorithm


def _require_curve(setting: str, path: Path, key: Any, *, private: bool) -> None:
    curve = getattr(getattr(key, "curve", None), "name", None)  # other kinds of keys have none
    if curve not in _CURVES:
        kind = f"the curve {curve}" if curve else type(key).__name__.lstrip("_")
        raise _invalid(setting, path, f"It has {kind}.", private=private)


def _unreadable(setting: str, key: Path, error: OSError, *, private: bool) -> RequestError:
    kind, advice = ("private", _CREATE) if private else ("public", _EXTRACT)
    return RequestError(
        f"Cannot read the {kind} key {key} ({setting}): {error.strerror or error}. Specify the "
        f"file with the {kind} key. To create one: {advice}"
    )


def _invalid(setting: str, key: Path, reason: str, *, private: bool) -> RequestError:
    kind, advice = ("private", _CREATE) if private else ("public", _EXTRACT)
    return RequestError(
        f"{setting} must be a PEM file with an ECDSA {kind} key of the curve P-256, P-384 or "
        f"P-521; got {key}: {reason} To create one: {advice}"
    )
