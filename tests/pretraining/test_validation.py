"""The best encoder is kept, a full disk costs only the new one, a loss that is no number stops the run."""

import errno
import json
from types import SimpleNamespace

import pytest
from safetensors import SafetensorError

from spacy_ssner.evaluation.metrics import PRF
from spacy_ssner.pretraining.validation import Validation, keep_best, publish_best


@pytest.fixture
def play(tmp_path):
    """Validate after steps 2, 4, 6, ... with the given numbers of right entities of ten."""

    def play(*n_right, save=None):
        found, seen = iter(n_right), []
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        step = SimpleNamespace(global_step=0)

        def write(folder):
            folder.mkdir()
            (folder / "model").write_text(str(step.global_step))

        def score():
            n = next(found)
            return PRF(n, 10 - n, 10 - n)

        validation = Validation(
            score,
            ends=range(2, 2 * len(n_right) + 1, 2),
            save=save or write,
            out=tmp_path,
            on_epoch=seen.append,
        )
        for step.global_step in range(1, 2 * len(n_right) + 1):
            validation.on_step_end(None, step, None)
        assert seen == validation.epochs
        return validation

    return play


def best_model(path):
    return (path / "checkpoints" / "best" / "model").read_text()


@pytest.mark.parametrize(
    "n_right,best", [((2, 6, 4), "4"), ((5, 5, 5), "2"), ((0, 0), "2"), ((1, 2, 3), "6")]
)
def test_the_best_is_kept_and_of_equals_the_first(n_right, best, play, tmp_path):
    epochs = play(*n_right).epochs
    assert best_model(tmp_path) == best
    assert [entry["f1"] for entry in epochs] == [n / 10 for n in n_right]
    assert [(entry["epoch"], entry["step"]) for entry in epochs] == [
        (i, 2 * i) for i in range(1, len(epochs) + 1)
    ]
    assert [entry["is_best"] for entry in epochs].count(True) == len(
        {max(n_right[: i + 1]) for i in range(len(n_right))}
    )
    assert not (tmp_path / "checkpoints" / "unfinished").exists()


def fail_half_written(error):
    def save(folder):
        folder.mkdir()
        (folder / "model").write_text("half")
        raise error

    return save


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("I/O error"),
        Exception("No space left on device (os error 28)"),  # tokenizers
    ],
)
def test_full_disk_leaves_the_best_one_before(error, play, tmp_path):
    play(3)
    with pytest.raises(ValueError, match=r"\[S303\].*checkpoints/best"):
        keep_best(fail_half_written(error), tmp_path)
    assert best_model(tmp_path) == "2"
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best"]


def test_full_disk_at_the_first_epoch_leaves_nothing(play, tmp_path):
    with pytest.raises(ValueError, match=r"\[S303\].*none"):
        play(3, save=fail_half_written(OSError(errno.ENOSPC, "No space left on device")))
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_half_an_encoder_of_a_killed_run_does_no_harm(play, tmp_path):
    (tmp_path / "checkpoints" / "unfinished").mkdir(parents=True)
    play(3)
    assert best_model(tmp_path) == "2"


def test_publishing(play, tmp_path):
    play(3, 4)
    (tmp_path / "model").write_text("of an earlier run")
    publish_best(tmp_path, {"seconds": 1.5})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "pretraining.json"]
    assert (tmp_path / "model").read_text() == "4"
    assert json.loads((tmp_path / "pretraining.json").read_text()) == {"seconds": 1.5}


def test_publishing_where_it_cannot_be(play, tmp_path):
    play(3)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "in the way").touch()
    with pytest.raises(ValueError, match=r"\[S303\]"):
        publish_best(tmp_path, {})
    assert best_model(tmp_path) == "2"


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number(loss, play):
    validation = play(3)
    validation.on_log(None, SimpleNamespace(global_step=3), None, logs={"loss": 0.5})
    with pytest.raises(ValueError, match=r"\[S304\].*step 3"):
        validation.on_log(None, SimpleNamespace(global_step=3), None, logs={"loss": loss})
