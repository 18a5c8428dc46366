"""Scripts see no log lines of TensorFlow, but everything else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import ONNX_ALONE
from tests.support.paths import PROJECT, SMOKE

LOGGED = re.compile(r"tensorflow|absl|xla|onednn|^[IWEF]\d{4} ", re.IGNORECASE | re.MULTILINE)


def script(code: str, **environment: str) -> tuple[str, str]:
    """Run a script; return what it wrote to the descriptors of standard output and error."""
    inherited = {key: os.environ[key] for key in os.environ if not key.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT,
        env={**inherited, **environment}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.process
@pytest.mark.tensorflow
@pytest.mark.parametrize("progress", ["None", "Silent()"])
def test_run_logs_nothing(tmp_path: Path, progress: str) -> None:
    out, err = script(
        "import pipeline\n"
        "from pipeline.progress import Silent\n"
        f"pipeline.run({str(SMOKE)!r}, {list(ONNX_ALONE)}, workspace={str(tmp_path)!r}, "
        f"progress={progress})\n"
    )
    shown = re.sub(r"  loading TensorFlow \.\.\.|, XLA$", "", err, flags=re.MULTILINE)
    assert not LOGGED.search(out + shown), out + err
    assert ("- publish" in err) == (progress == "None")
    assert progress == "None" or not out + err


@pytest.mark.process
@pytest.mark.tensorflow
def test_other_output_and_errors_remain() -> None:
    _, err = script(
        "import os\n"
        "from pipeline.system.tensorflow_import import tensorflow_import\n"
        "try:\n"
        "    with tensorflow_import():\n"
        "        os.write(2, b'E0000 00:00:1795744168.488958 1 x.cc:1] a real error\\n')\n"
        "        os.write(2, b'I0000 00:00:1795744168.488958    1765 x.cc:1] information\\n')\n"
        "        import tensorflow\n"
        "        os.write(2, b'my own line\\n')\n"
        "        raise ImportError('broken')\n"
        "except ImportError: os.write(2, b'after\\n')\n"
        "assert 'TF_CPP_MIN_LOG_LEVEL' not in os.environ\n"
    )
    assert [line[-12:] for line in err.splitlines()] == ["a real error", "my own line", "after"]


@pytest.mark.process
@pytest.mark.tensorflow
def test_requested_level_is_respected() -> None:
    code = (
        "from pipeline.system.tensorflow_import import tensorflow_import\n"
        "with tensorflow_import(): import tensorflow"
    )
    assert "oneDNN" in script(code, TF_CPP_MIN_LOG_LEVEL="0")[1]
    assert script("import os; os.close(2)\n" + code) == ("", "")


@pytest.mark.process
@pytest.mark.tensorflow
def test_parts_of_keras_that_import_much_are_loaded_on_first_use() -> None:
    out, _ = script(
        "import sys\n"
        "from pipeline.system.tensorflow_import import tensorflow_import\n"
        "with tensorflow_import():\n"
        "    import keras, tensorflow, gc\n"
        "    assert not gc.isenabled()\n"
        "assert gc.isenabled()\n"
        "assert not [finder for finder in sys.meta_path if 'pipeline' in str(finder)]\n"
        "print(sorted({'matplotlib', 'sklearn'} & sys.modules.keys()))\n"
        "print(keras.wrappers.SKLearnClassifier.__name__)\n"
        "print(tensorflow.keras.visualization.plot_image_gallery.__name__)\n"
        "print(sorted({'matplotlib', 'sklearn'} & sys.modules.keys()))\n"
    )
    assert out.splitlines() == [
        "[]", "SKLearnClassifier", "plot_image_gallery", "['matplotlib', 'sklearn']"
    ]  # fmt: skip
