"""How commands are run: logs, peaks, stops, several at a time."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, current_thread, main_thread

import pytest

from spacy_ssner.evaluation.memory_use import peak_memory
from spacy_ssner.evaluation.subprocesses import run_command, run_jobs


@pytest.fixture
def large(tmp_path, monkeypatch):
    """Code that takes 60 MB and ends once `run_command` has seen that: a busy machine may be late to look. Where it
    cannot look at another process, the code ends after a minute at most."""
    seen = tmp_path / "seen"

    def peak_and_note(pid=None):
        peak = peak_memory(pid)
        if pid is None and peak is not None:
            return 0.98 * peak  # two readings of it differ a little
        if pid is not None and (peak is None or peak > 60):
            seen.touch()
        return peak

    monkeypatch.setattr("spacy_ssner.evaluation.subprocesses.peak_memory", peak_and_note)
    look = f"for _ in range(1200): os.path.exists({str(seen)!r}) or time.sleep(0.05)"
    return f"import os, time; x = bytearray(60_000_000)\n{look}"


def test_commands_are_run_with_threads_and_log(large, tmp_path):
    code = f"import os; print('threads', os.environ['OMP_NUM_THREADS']); {large}"
    seconds, peak = run_command(["python", "-c", code], tmp_path / "log", threads=3)
    log = (tmp_path / "log").read_text(encoding="utf8")
    assert log.startswith("$ python -c ") and log.endswith("threads 3\n")
    assert seconds > 0 and (peak is None or 60 < peak < 2000)


def test_the_peak_is_not_that_of_the_process_that_waits(large, tmp_path):
    held = bytearray(600_000_000)
    held[::4096] = bytes(len(held[::4096]))
    _, peak = run_command(["python", "-c", large], tmp_path / "log")
    assert peak is None or 60 < peak < 400


def test_failed_command_is_named_with_its_last_lines(tmp_path):
    code = "import sys; print('why'); sys.exit(3)"
    with pytest.raises(ValueError, match="S295.*code 3: python -c .*why"):
        run_command(["python", "-c", code], tmp_path / "log")


def test_ctrl_c_kills_the_command(tmp_path, monkeypatch):
    started = []

    def interrupted(process, stop):
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr("spacy_ssner.evaluation.subprocesses._wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_command(["python", "-c", "import time; time.sleep(600)"], tmp_path / "log")
    assert started[0].poll() is not None and sys.executable in started[0].args[0]


def test_a_stop_from_another_thread_kills_the_command(tmp_path):
    log, stop = tmp_path / "log", Event()
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run_command, ["python", "-c", code], log, stop=stop)
        while not (log.is_file() and len(log.read_text(encoding="utf8").splitlines()) == 2):
            assert not done.done()
        stop.set()
        with pytest.raises(SystemExit):
            done.result(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text(encoding="utf8").split()[-1]), 0)


def test_jobs_run_side_by_side_and_their_results_come_to_this_thread():
    side_by_side, results = Barrier(3), []

    def work(item, stop):
        side_by_side.wait(timeout=60)
        assert current_thread() is not main_thread() and not stop.is_set()
        return 10 * item

    def on_done(item, result):
        assert current_thread() is main_thread()
        results.append((item, result))

    run_jobs(work, range(6), on_done, jobs=3)
    assert sorted(results) == [(item, 10 * item) for item in range(6)]


def test_results_come_as_soon_as_they_are_there():
    first_may_end, order = Event(), []

    def work(item, stop):
        assert item or first_may_end.wait(timeout=60)

    def on_done(item, result):
        order.append(item)
        first_may_end.set()

    run_jobs(work, [0, 1], on_done, jobs=2)
    assert order == [1, 0]


@pytest.mark.parametrize("where", ["work", "on_done"])
def test_what_fails_stops_the_others(where):
    begun = []

    def work(item, stop):
        begun.append(item)
        if item != 1:
            assert stop.wait(timeout=60)
        elif where == "work":
            raise ValueError("no more")

    def on_done(item, result):
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        run_jobs(work, range(9), on_done, jobs=2)
    assert {0, 1} <= set(begun) <= {0, 1, 2}


def test_a_stop_of_this_process_stops_the_jobs(tmp_path):
    log = tmp_path / "log"

    def work(item, stop):
        if item == 1:
            while not (log.is_file() and len(log.read_text(encoding="utf8").splitlines()) == 2):
                assert not stop.is_set()
            return 0.0
        code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
        return run_command(["python", "-c", code], log, stop=stop)

    def interrupted(item, result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(work, [0, 1], interrupted, jobs=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text(encoding="utf8").split()[-1]), 0)
