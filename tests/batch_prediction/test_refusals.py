"""What is refused before anything is predicted, and what the messages say."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.batch_prediction.parquet_images import sample_images, write_images
from tests.support.command_line import assert_error, in_process


@pytest.fixture
def good(smoke: Path, tmp_path: Path) -> Path:
    return write_images(tmp_path / "good.parquet", sample_images(smoke)[:2], id=np.arange(2))


def refused(smoke: Path, *arguments: object, output: Path | None = None, words: str) -> None:
    """Check the message, and that nothing was written."""
    given = ("--output", output) if output else ()
    assert_error(in_process("predict", "smoke", *arguments, *given, "-C", smoke), 2, words)
    if output:
        assert not output.with_name(f"{output.name}.parts").exists()


def table_of(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"imag": [1], "x": [2]}, "has no column 'image'. Did you mean 'imag'? Its columns are"),
        (
            {"image": pa.array([[0] * 784], pa.list_(pa.int64()))},
            "The column 'image' must have lists of 784 uint8 pixels (28 x 28 x 1), or binary "
            "values of 784 bytes; got list<element: int64> in ",
        ),
        (
            {"image": pa.array([[0] * 783], pa.list_(pa.uint8(), 783))},
            "got fixed_size_list<element: uint8>[783] in ",
        ),
        ({"image": pa.array([bytes(5)], pa.binary(5))}, "got fixed_size_binary[5] in "),
        ({"image": ["seven.png"]}, "got string in "),
    ],
)
def test_files_with_another_schema(
    smoke: Path, good: Path, tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    other = table_of(tmp_path / "other.parquet", **columns)
    out = tmp_path / "out.parquet"
    refused(smoke, "--input", good, other, output=out, words=words)
    refused(smoke, "--input", good, other, output=out, words=str(other))


def test_files_that_are_not_parquet(smoke: Path, good: Path, tmp_path: Path) -> None:
    text, out = tmp_path / "a.csv", tmp_path / "out.parquet"
    text.write_text("image\n")
    refused(smoke, good, text, output=out, words=f"Cannot read {text} as Parquet: ")
    missing = tmp_path / "none.parquet"
    words = f"Cannot read {missing} as Parquet: No such file or directory. The input must be "
    refused(smoke, missing, output=out, words=words)


def test_columns_to_keep(smoke: Path, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    images = sample_images(smoke)[:2]
    words = f"{good} has no column 'ids'. Did you mean 'id'? Its columns are image, id."
    refused(smoke, good, "--keep", "ids", output=out, words=words)
    words = "--keep must name columns other than 'image': pixels are not copied. Join the output"
    refused(smoke, good, "--keep", "image", output=out, words=words)
    lists = write_images(tmp_path / "lists.parquet", images, id=[[1], [2]])
    words = "The column 'id' must have single values, such as numbers, texts or times, to be kept"
    refused(smoke, lists, "--keep", "id", output=out, words=words)
    text = write_images(tmp_path / "text.parquet", images, id=["a", "b"])
    words = (
        "The column 'id' must have the same type in all files; got string in "
        f"{text} and int64 in {good}. Convert it to one type, or remove it from --keep."
    )
    refused(smoke, good, text, "--keep", "id", output=out, words=words)
    twice = ("--keep", "id", "--keep", "id")
    words = "--keep must name each column once; got id twice."
    refused(smoke, good, *twice, output=out, words=words)


def test_no_images(smoke: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    empty = write_images(tmp_path / "empty.parquet", sample_images(smoke)[:0])
    refused(smoke, empty, output=out, words=f"There are no images in {empty}: no file has a row.")
    folder = tmp_path / "folder"
    folder.mkdir()
    words = f"There are no pictures in {folder}. The input must be a folder of pictures, or Parquet"
    refused(smoke, "--input", folder, output=out, words=words)
    words = "--keep names columns of Parquet files; pictures have none. Remove it."
    refused(smoke, "--input", folder, "--keep", "id", output=out, words=words)


def test_folders_and_files_are_not_mixed(smoke: Path, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    words = f"got the folder {tmp_path} among 2 paths. Predict each folder into its own output."
    refused(smoke, "--input", good, tmp_path, output=out, words=words)
    words = f"--input must name each file once; got {good} twice."
    refused(smoke, "--input", good, good, output=out, words=words)


def test_existing_output(smoke: Path, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("mine")
    words = f"{out} exists already. Choose another --output, or use --force to replace it."
    refused(smoke, good, output=out, words=words)
    assert out.read_text() == "mine"
    words = f"--output must not be a file of the input; got {good} for both."
    refused(smoke, good, "--force", output=good, words=words)
    words = f"--output must be a file; got the folder {tmp_path}."
    refused(smoke, good, output=tmp_path, words=words)


def test_options_out_of_range(smoke: Path, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    words = "--workers must be from 1 to 1,024; got 0."
    refused(smoke, good, "--workers", 0, output=out, words=words)
    words = "--part-images must be from 1 to 1,000,000,000; got -3."
    refused(smoke, good, "--part-images", -3, output=out, words=words)


def test_options_of_the_other_kind_of_prediction(smoke: Path, good: Path, tmp_path: Path) -> None:
    words = "--input needs --output FILE.parquet, where the predictions go."
    refused(smoke, "--input", good, words=words)
    for workers in (0, 2):
        refused(smoke, good, "--workers", workers, words="--workers needs --output")
    out = tmp_path / "out.parquet"
    refused(smoke, good, "--many", output=out, words="--many is for the terminal: with --output,")
    refused(smoke, output=out, words="There is nothing to predict. Write pipeline predict MODEL")


def test_model_without_onnx_file(smoke: Path, good: Path, exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    keras = exported / "smoke" / "1" / "model.keras"
    done = in_process("predict", keras, good, "--output", out, "-C", smoke)
    words = "Predicting into a Parquet file needs the float32 ONNX file of a model; got "
    assert_error(done, 2, words, "or predict without --output.")
    (exported / "smoke" / "1" / "model.onnx").unlink()
    done = in_process("predict", exported / "smoke" / "1", good, "--output", out, "-C", smoke)
    assert_error(done, 2, f"{exported / 'smoke' / '1'} has ", "keras")
