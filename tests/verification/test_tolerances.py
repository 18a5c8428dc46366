"""A short form of ``python -m campaign.tolerances``: 12 sound models and 24 faults."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from campaign.tolerances.outcomes import has_effect, reference_for, refusals, try_faults
from campaign.tolerances.random_models import read_digits, sound_models
from pipeline.artifacts.formats import formats_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

SEED = 42


def test_no_sound_model_is_refused_and_no_fault_accepted(tmp_path: Path) -> None:
    """Seeds of the models are the names of their folders; every tenth is in all formats."""
    digits = read_digits(tmp_path)
    outcomes: Counter[str] = Counter()
    for folder in sound_models(SEED, 12, digits, tmp_path, epochs=(0, 1)):
        reference = reference_for(folder, digits)
        assert refusals(folder, reference) == [], folder.name
        if "onnx" in formats_in(folder):
            outcomes += try_faults(int(folder.name), 3, folder, reference)
    assert outcomes["refused"] >= 24
    assert outcomes["accepted"] == 0


def test_effect_of_a_fault() -> None:
    """Another label, or a probability that changes by more than 1e-5."""
    sound = np.array([[0.6, 0.4], [0.500001, 0.499999]], np.float32)
    assert not has_effect(sound, sound + np.float32(5e-7))
    assert has_effect(sound, sound + np.array([[2e-5, 0], [0, 0]], np.float32))
    assert has_effect(sound, np.array([[0.6, 0.4], [0.499999, 0.500001]], np.float32))
