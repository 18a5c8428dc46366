"""``verify_published``: the predictions of the published Keras model as the reference."""

from pathlib import Path

import pytest

from pipeline.commands import verify_published
from pipeline.errors import WorkerFailed


def test_reference_that_cannot_be_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **_named: object) -> None:
        raise WorkerFailed("its process was killed by SIGKILL")

    monkeypatch.setattr(verify_published, "run_isolated", killed)
    text = "mlp/1/model.keras in keras are the reference, .* killed by SIGKILL. Try again with"
    with pytest.raises(WorkerFailed, match=text):
        verify_published._predict_in_keras(Path("mlp/1/model.keras"), Path("images.npy"), 60)
