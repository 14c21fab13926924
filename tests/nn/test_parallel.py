"""Work side by side gives what work in turn gives, and leaves torch's threads as they were."""

import os
import threading

import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn import parallel
from spacy_ssner.nn.parallel import each

CPU = torch.device("cpu")


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def places(n, *, device=CPU):
    """Thread of each of n items that wait for each other as far as threads go, and torch's threads there."""
    met = threading.Barrier(min(n, 3), timeout=20)

    def work(i):
        met.wait()
        return i, threading.get_ident(), torch.get_num_threads(), torch.is_grad_enabled()

    return list(each(work, range(n), device=device))


def test_items_are_worked_on_at_the_same_time_and_come_in_order(three_threads):
    with torch.no_grad():
        found = places(6)
    assert [i for i, *_ in found] == list(range(6))
    assert len({thread for _, thread, *_ in found}) == 3  # the barrier lets nobody through alone
    assert {(threads, grad) for _, _, threads, grad in found} == {(1, False)}
    assert torch.get_num_threads() == 3


def test_in_turn_where_there_is_a_gradient_or_one_item(three_threads):
    def where(i):
        return threading.get_ident()

    here = {threading.get_ident()}
    assert set(each(where, range(4), device=CPU)) == here
    with torch.no_grad():
        assert set(each(where, [1], device=CPU)) == here
        assert set(each(where, range(4), device=torch.device("meta"))) == here
        torch.set_num_threads(1)
        assert set(each(where, range(4), device=CPU)) == here


def test_threads_are_given_back_after_an_error_and_a_stop(three_threads):
    with torch.no_grad():
        with pytest.raises(ZeroDivisionError):
            list(each(lambda i: 1 / i, [2, 1, 0, 3], device=CPU))
        assert torch.get_num_threads() == 3
        some = each(lambda i: i, range(5), device=CPU)
        assert next(some) == 0
        some.close()
    assert torch.get_num_threads() == 3


def test_inference_tensors_may_be_used(three_threads):
    with torch.inference_mode():
        X = torch.randn(4, 5)
        found = list(each(lambda i: (X[i] * 2).add_(1), range(4), device=CPU))
    assert_close(torch.stack(found), X * 2 + 1)
    assert all(y.is_inference() for y in found)


def test_calls_at_the_same_time_give_the_usual_threads_back(three_threads):
    """Each used to take the few threads of the other for what is usual."""
    both, found = threading.Barrier(2, timeout=20), []

    def call():
        with torch.no_grad():
            running = each(lambda i: both.wait(), range(1), device=CPU)  # in turn: no thread is changed
            some = each(lambda i: i, range(6), device=CPU)
            next(some)  # three threads work, on one of torch's each
            list(running)
            list(some)
        both.wait()
        found.append(torch.get_num_threads())

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    new = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert found == [3, 3, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_knows_nothing_of_calls_of_the_others_threads(three_threads):
    with torch.no_grad():
        some = each(lambda i: i, range(6), device=CPU)
        next(some)  # under way, on one of torch's threads each
        child = os.fork()
        if not child:
            os._exit(0 if parallel._RUNNING == [] and parallel._LOCK.acquire(blocking=False) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert parallel.usual_threads() == 3
        list(some)
