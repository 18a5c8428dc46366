"""Signatures of files, with keys that users name, in the format of OpenSSF Model Signing."""
