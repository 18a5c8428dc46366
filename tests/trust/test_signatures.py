"""Signatures: versions that are signed, altered, or signed with another key."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

import pipeline
from pipeline.api import models
from pipeline.errors import MissingExtra, ModelError, PipelineError, RequestError
from pipeline.publishing import signatures
from pipeline.publishing.published_folder import find_published, read_version
from pipeline.publishing.signatures import signature_path
from pipeline.publishing.verification_records import write_record
from pipeline.system.atomic import locked
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE
from tests.support.processes import wait_until
from tests.support.servers import serving

pytestmark = pytest.mark.process
CHANGES = 1000


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with key pairs, made by openssl: own.pem, own.pub, other.pem, other.pub, ..."""
    folder = tmp_path_factory.mktemp("keys")
    curves = {
        "own": "prime256v1",
        "other": "secp384r1",
        "bitcoin": "secp256k1",
        "short": "secp112r1",  # unknown to the library
    }
    for name, curve in curves.items():
        create = ("ecparam", "-name", curve, "-genkey", "-noout", "-out", f"{name}.pem")
        openssl(folder, *create)
        openssl(folder, "ec", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")
    openssl(folder, "genrsa", "-out", "rsa.pem", "2048")
    secret = ("-passout", "pass:secret", "-out", "encrypted.pem")
    openssl(folder, "ec", "-in", "own.pem", "-aes256", *secret)
    (folder / "text.pem").write_text("no key\n")
    return folder


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def signed(exported: Path, keys: Path) -> Path:
    """The folder of a version signed with own.pem."""
    folder = exported / "smoke" / "1"
    pipeline.sign("smoke/1", keys / "own.pem", workspace=exported.parent)
    return folder


def require_signed(folder: Path, public_key: Path) -> None:
    signatures.require_signed(read_version(folder), public_key)


def test_signature_is_verified(signed: Path, keys: Path) -> None:
    require_signed(signed, keys / "own.pub")
    with pytest.raises(ModelError, match="does not match its manifest") as mismatch:
        require_signed(signed, keys / "other.pub")
    assert str(mismatch.value).endswith("sign it again: pipeline sign smoke/1 --key FILE")


def test_other_tools_verify_the_signature(signed: Path, keys: Path) -> None:
    words = ("verify", "key", signed / "manifest.json", "--signature", signature_path(signed))
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", *words, "--public_key", keys / "own.pub"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout


def test_sign_command(exported: Path, keys: Path) -> None:
    done = in_process("sign", "smoke", "--key", keys / "own.pem", "-C", exported.parent)
    file = exported / "smoke" / "signatures" / "1.sig"
    assert done.out == f"Signed: {file}\n"
    again = in_process(
        "sign", "smoke/1", "--key", keys / "other.pem", "-C", exported.parent, "--json"
    )
    assert json.loads(again.out) == {"signature": str(file)}
    require_signed(exported / "smoke" / "1", keys / "other.pub")


def test_altered_version_is_not_signed(exported: Path, keys: Path) -> None:
    (exported / "smoke" / "1" / "model.onnx").write_bytes(b"other")
    done = in_process("sign", "smoke", "--key", keys / "own.pem", "-C", exported.parent)
    assert_error(done, 2, "was altered after it was published")
    assert not (exported / "smoke" / "signatures").exists()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("text.pem", ["To create one: openssl ecparam"]),
        ("own.pub", ["To create one: openssl ecparam"]),
        ("rsa.pem", ["It has RSAPrivateKey."]),
        ("bitcoin.pem", ["It has the curve secp256k1."]),
        ("short.pem", ["is not supported."]),
    ],
)
def test_keys_that_cannot_sign(exported: Path, keys: Path, key: str, words: list[str]) -> None:
    done = in_process("sign", "smoke", "--key", keys / key, "-C", exported.parent)
    common = "--key must be a PEM file with an ECDSA private key of the curve P-256, P-384 or P-521"
    assert_error(done, 2, common, str(keys / key), *words)


def test_key_file_that_is_missing(exported: Path, keys: Path) -> None:
    key = keys / "none.pem"
    done = in_process("sign", "smoke", "--key", key, "-C", exported.parent)
    assert_error(
        done,
        2,
        f"Cannot read the private key {key} (--key): No such file or directory. Specify the file "
        "with the private key. To create one: openssl ecparam",
    )
    for name in ("verify", "serve"):
        done = in_process(name, "smoke", "--public-key", key, "-C", exported.parent)
        assert_error(
            done,
            2,
            f"Cannot read the public key {key} (--public-key): No such file or directory. Specify "
            "the file with the public key. To create one: openssl ec -in key.pem",
        )


def test_password_of_an_encrypted_key(
    exported: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_KEY_PASSWORD", "secret")
    pipeline.sign("smoke", keys / "encrypted.pem", workspace=exported.parent)
    require_signed(exported / "smoke" / "1", keys / "own.pub")
    monkeypatch.setenv("PIPELINE_KEY_PASSWORD", "wrong")
    with pytest.raises(RequestError, match=r"encrypted\.pem: "):
        pipeline.sign("smoke", keys / "encrypted.pem", workspace=exported.parent)
    with pytest.raises(RequestError, match="not encrypted, but PIPELINE_KEY_PASSWORD has") as error:
        pipeline.sign("smoke", keys / "own.pem", workspace=exported.parent)
    assert str(error.value).endswith("Unset the variable.")
    monkeypatch.delenv("PIPELINE_KEY_PASSWORD")
    with pytest.raises(RequestError, match=r"encrypted\.pem \(--key\): the key is encrypted\."):
        pipeline.sign("smoke", keys / "encrypted.pem", workspace=exported.parent)


def test_extra_that_is_missing_is_named(
    exported: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(MissingExtra, match=r"dense-pipeline\[signing\]"):
        pipeline.sign("smoke", keys / "own.pem", workspace=exported.parent)


def test_run_signs_what_it_publishes(workspace: Path, keys: Path) -> None:
    published = workspace / "exported" / "smoke"
    run = partial(in_process, "run", SMOKE, f"publish.sign={keys / 'own.pem'}", "-C", workspace)
    done = run()
    assert done.code == 0, done.err
    require_signed(published / "1", keys / "own.pub")  # the same files, published before
    assert not (published / "2").exists()
    signature_path(published / "1").unlink()  # as if it had been lost
    again = run()
    assert again.code == 0, again.err
    require_signed(published / "1", keys / "own.pub")
    signature_path(published / "2").write_text("of a run that was killed")
    new = run("publish.license=MIT")
    assert new.code == 0, new.err
    require_signed(published / "2", keys / "own.pub")
    for folder in ("1", "2"):
        assert str(keys) not in (published / folder / "manifest.json").read_text()
        assert "own.pem" not in (published / folder / "manifest.json").read_text()


def test_key_that_cannot_sign_is_found_before_the_training(workspace: Path, keys: Path) -> None:
    changed = (f"publish.sign={keys / 'rsa.pem'}", "train.seed=9")
    done = in_process("run", SMOKE, *changed, "-C", workspace, "--json")
    assert_error(done, 2, "publish.sign in the override 'publish.sign=", "It has RSAPrivateKey.")
    assert len(list((workspace / "runs" / "train").iterdir())) == 1


def test_signature_of_a_deleted_version_is_deleted(signed: Path) -> None:
    (signed.parent / "labels.json").unlink()
    done = in_process("gc", "smoke", "--keep", "0", "-C", signed.parent.parent.parent)
    assert done.code == 0, done.err
    assert not signature_path(signed).exists()


@pytest.mark.parametrize("name", ["own.pem", "rsa.pem", "text.pem", "short.pub"])
def test_public_keys_that_cannot_verify(signed: Path, keys: Path, name: str) -> None:
    with pytest.raises(RequestError) as error:
        pipeline.verify(signed, public_key=keys / name)
    assert "--public-key must be a PEM file with an ECDSA public key" in str(error.value)
    assert "openssl ec -in key.pem -pubout" in str(error.value)


def test_unsigned_version_is_refused_before_a_file_is_opened(exported: Path, keys: Path) -> None:
    folder = exported / "smoke" / "1"
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")  # reading it would never end
    done = in_process("verify", "smoke", "--public-key", keys / "own.pub", "-C", exported.parent)
    assert_error(
        done,
        2,
        f"{folder} is not signed",
        "None of its files were opened.",
        "pipeline sign smoke/1",
    )


def test_signature_of_another_version_is_refused(signed: Path, keys: Path) -> None:
    copy = signed.with_name("2")
    shutil.copytree(signed, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "version": 2}))
    shutil.copyfile(signature_path(signed), signature_path(copy))
    with pytest.raises(ModelError, match="was altered after it was signed"):
        require_signed(copy, keys / "own.pub")


def test_copy_of_a_signed_version_does_not_pass_for_another(signed: Path, keys: Path) -> None:
    """An old version with an error, say, could take the place of the newest one."""
    for copy in (signed.with_name("2"), signed.parent.with_name("other") / "1"):
        shutil.copytree(signed, copy)
        signature_path(copy).parent.mkdir(exist_ok=True)
        shutil.copyfile(signature_path(signed), signature_path(copy))
        options = ("-C", signed.parents[2])
        done = in_process("verify", copy, "--public-key", keys / "own.pub", *options)
        words = f"{copy} has the manifest of smoke/1: it was renamed, or put in the place of"
        assert_error(done, 2, words, "None of its files were opened.")
        assert_error(in_process("sign", copy, "--key", keys / "own.pem", *options), 2, words)


def test_what_was_read_is_checked_not_the_file(signed: Path, keys: Path) -> None:
    """Another process may exchange the manifest between the check and its use."""
    file = signed / "manifest.json"
    original, published = file.read_bytes(), read_version(signed)
    file.write_bytes(original.replace(b'"license"', b'"licence"'))
    signatures.require_signed(published, keys / "own.pub")  # the file is not read again
    file.write_bytes(original + b" ")
    altered = read_version(signed)
    file.write_bytes(original)
    with pytest.raises(ModelError, match="does not match its manifest"):
        signatures.require_signed(altered, keys / "own.pub")
    file.write_bytes(original + b" ")
    signatures.sign_version(published, keys / "own.pem", setting="--key")
    file.write_bytes(original)
    require_signed(signed, keys / "own.pub")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"dsseEnvelope": null}', "\x00\xff", "fifo"])
def test_damaged_signatures_are_refused(signed: Path, keys: Path, content: str) -> None:
    file = signature_path(signed)
    file.unlink()
    if content == "fifo":
        os.mkfifo(file)
    else:
        file.write_text(content)
    with pytest.raises(ModelError, match="does not match its manifest"):
        require_signed(signed, keys / "own.pub")


def test_single_file_has_no_signature(signed: Path, keys: Path) -> None:
    with pytest.raises(RequestError, match="A single file has no signature"):
        pipeline.verify(signed / "model.onnx", public_key=keys / "own.pub")


@pytest.fixture
def signed_in_every_format(complete: Path, tmp_path: Path, keys: Path) -> Path:
    """The folder of a signed version with every format, and every kind of file beside it."""
    workspace = tmp_path / "every_format"
    shutil.copytree(complete / "exported", workspace / "exported")
    folder = workspace / "exported" / "smoke" / "1"
    pipeline.label("smoke", {"stable": 1}, pin=True, reason="a test", workspace=workspace)
    fingerprint = find_published(folder).manifest.fingerprint
    write_record(folder.parent, 1, fingerprint, find_published(folder).manifest)
    pipeline.sign("smoke/1", keys / "own.pem", workspace=workspace)
    return folder


@pytest.mark.tensorflow
def test_every_changed_byte_is_refused_or_harmless(
    signed_in_every_format: Path, keys: Path
) -> None:
    """Change a random byte of a random file of the version, or of one beside it.

    Every change of a file of the version is refused. The files beside it are not protected: labels
    and pins choose among signed versions, the history and the records of verifications are read by
    people, and the text of a signature has bytes without a meaning, such as spaces. A change of
    them is refused, or the same version with the same files is opened.
    """
    signed, chance = signed_in_every_format, random.Random(0)
    model = signed.parent
    files = [path for path in sorted(signed.rglob("*")) if path.is_file()]
    beside = [path for path in sorted(model.rglob("*")) if path.is_file() and path not in files]
    assert {path.suffix for path in files} >= {
        *(".json", ".md", ".html", ".npz", ".pb", ".onnx", ".keras", ".tflite", ".xml", ".bin")
    }
    assert {"sbom.cdx.json", "manifest.json", "variables.index"} <= {path.name for path in files}
    assert {path.relative_to(model).parts[0] for path in beside} >= {
        *("labels.json", "pins.json", "history.jsonl", "verifications", "signatures")
    }
    before = find_published(model)
    accepted, changed = set(), set()
    for number in range(CHANGES):
        file = (files + beside)[number % len(files + beside)]
        content = file.read_bytes()
        place, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        file.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        try:
            found = find_published(model)
            signatures.require_signed(found, keys / "own.pub")
            found.require_unaltered()
        except PipelineError:
            pass
        else:
            assert found.document == before.document
            accepted.add(file)
        file.write_bytes(content)
        changed.add(file)
    assert changed == {*files, *beside}
    assert accepted <= set(beside)
    assert {model / "history.jsonl", model / "pins.json"} <= accepted


def test_server_serves_signed_versions_only(exported: Path, keys: Path, tmp_path: Path) -> None:
    shutil.copytree(exported / "smoke" / "1", exported / "smoke" / "2")
    manifest = exported / "smoke" / "2" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 2}))
    workspace = exported.parent
    pipeline.sign("smoke/1", keys / "own.pem", workspace=workspace)
    options = ("--public-key", str(keys / "own.pub"))
    with serving(workspace, *options, log=tmp_path / "log") as server:

        def states() -> dict[str, str]:
            document = requests.get(f"{server.url}/v1/models/smoke", timeout=30).json()
            return {s["version"]: s["state"] for s in document["model_version_status"]}

        wait_until(lambda: states() == {"1": "AVAILABLE", "2": "END"})
        document = requests.get(f"{server.url}/v1/models/smoke", timeout=30).json()
        [reason] = [
            status["status"]["error_message"]
            for status in document["model_version_status"]
            if status["version"] == "2"
        ]
        assert "is not signed" in reason
        pipeline.sign("smoke/2", keys / "own.pem", workspace=workspace)
        wait_until(lambda: states() == {"1": "AVAILABLE", "2": "AVAILABLE"})


def test_signing_waits_for_commands_that_change_the_model(
    exported: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is removed by the command that held the lock before."""

    @contextmanager
    def locked_after_removal(folder: Path) -> Iterator[None]:
        assert folder == exported / "smoke"
        (folder / "1").rename(folder / ".removed")
        with locked(folder):
            yield

    monkeypatch.setattr(models, "locked", locked_after_removal)
    with pytest.raises(ModelError, match="smoke/1"):
        pipeline.sign("smoke", keys / "own.pem", workspace=exported.parent)
    assert not (exported / "smoke" / "signatures").exists()
