"""Memory is given out again when nobody holds it any more, and never before."""

from threading import Thread

import numpy as np
import torch

from napari_focusqc.inference.buffers import Buffers


def test_what_is_held_is_not_given_out_again() -> None:
    buffers = Buffers()
    held = [buffers.take(3, 4) for _ in range(4)]
    for number, array in enumerate(held):
        array[:] = number
    assert [array.tolist() for array in held] == [[[n] * 4] * 3 for n in map(float, range(4))]


def test_a_view_of_torchs_holds_the_memory() -> None:
    buffers = Buffers()
    array = buffers.take(2, 3)
    place, view = array.ctypes.data, torch.from_numpy(array).permute(1, 0)[1:]
    del array
    assert buffers.take(2, 3).ctypes.data != place
    del view
    assert place in {array.ctypes.data for array in (buffers.take(6), buffers.take(6))}


def test_the_smallest_that_is_large_enough_is_taken() -> None:
    buffers = Buffers()
    arrays = [buffers.take(size) for size in (100, 10, 50)]
    places = [array.ctypes.data for array in arrays]
    del arrays
    assert buffers.take(5, 9).ctypes.data == places[2]
    assert buffers.take(101).ctypes.data not in places


def test_an_array_has_the_shape_and_type_asked_for() -> None:
    array = Buffers().take(2, 0, 5)
    assert array.shape == (2, 0, 5) and array.dtype == np.float32


def test_threads_share_nothing() -> None:
    buffers, places = Buffers(), []
    places.append(buffers.take(7).ctypes.data)
    arrays: list[np.ndarray] = []
    thread = Thread(target=lambda: arrays.append(buffers.take(7)))
    thread.start()
    thread.join()
    assert arrays[0].ctypes.data not in places
