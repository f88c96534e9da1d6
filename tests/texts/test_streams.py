"""Mini-batches of a text: a ring that is read on from many places, all of one time after the other's."""

from __future__ import annotations

import numpy as np

from pydarknet.texts.crandom import CRandom
from pydarknet.texts.streams import Streams

TEXT = np.array([0, 1, 2, 3, 4, 5, 6], np.int64)


def test_places_are_darknets() -> None:
    random = CRandom(3)
    assert Streams(TEXT, 5, CRandom(3)).offsets.tolist() == [random.size() % 7 for _ in range(5)]


def test_each_stream_reads_on() -> None:
    streams = Streams(TEXT, 3, CRandom(1))
    begin = streams.offsets.copy()
    read = [streams.next(4, 7) for _ in range(3)]
    for x, y in read:
        assert x.shape == y.shape == (12, 7)
        assert (x.sum(1) == 1).all()
        assert (y.sum(1) == 1).all()
    for stream in range(3):
        symbols = np.concatenate([x.argmax(1)[stream::3] for x, _ in read])
        after = np.concatenate([y.argmax(1)[stream::3] for _, y in read])
        np.testing.assert_array_equal(symbols, (begin[stream] + np.arange(12)) % 7)
        np.testing.assert_array_equal(after, (begin[stream] + np.arange(1, 13)) % 7)


def test_streams_jump_where_darknets_random_numbers_say() -> None:
    streams, random = Streams(TEXT, 20, CRandom(2)), CRandom(2)
    for _ in range(20):
        random.size()
    before = streams.offsets.copy()
    jumped = streams.jump(3)
    wanted = {}
    for stream in range(20):
        if random.rand() % 3 == 0:
            wanted[stream] = random.size() % 7
    assert jumped == list(wanted)
    assert 0 < len(jumped) < 20
    for stream, place in enumerate(streams.offsets):
        assert place == wanted.get(stream, before[stream])
