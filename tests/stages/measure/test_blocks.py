from __future__ import annotations

import numpy as np
import pytest

from streamtags.core.model import Sound
from streamtags.stages.measure.blocks import BLOCK, PAST, RATE, Block, Floats, Grid


def ramp(n: int, channels: int = 1) -> Floats:
    """Every sample is its own number."""
    return np.tile(np.arange(1, n + 1, dtype=np.float32) / 100_000, (channels, 1))


def lay(*pieces: tuple[float, Floats]) -> list[Block]:
    grid = Grid()
    return [block for start, samples in pieces for block in grid.push(Sound(start, samples, RATE))]


def present(block: Block) -> Floats:
    return block.span[:, PAST:]


def test_a_block_carries_the_one_before_it() -> None:
    x = ramp(3 * BLOCK, channels=2)
    blocks = lay((0.0, x))
    assert [block.index for block in blocks] == [0, 1, 2]
    assert [block.follows for block in blocks] == [False, True, True]
    np.testing.assert_array_equal(blocks[2].span, x[:, 2 * BLOCK - PAST :])


def test_sound_may_begin_before_the_picture() -> None:
    blocks = lay((-0.05, ramp(BLOCK)))
    assert [block.index for block in blocks] == [-1]
    assert not present(blocks[0])[0, : BLOCK // 2].any()
    np.testing.assert_array_equal(present(blocks[0])[0, BLOCK // 2 :], ramp(BLOCK)[0, : BLOCK // 2])


@pytest.mark.parametrize("jitter", [-0.0008, 0.0007, 0.015])
def test_rounded_timestamps_leave_no_gap(jitter: float) -> None:
    x = ramp(2 * BLOCK)
    cut = 3000
    blocks = lay((0.0, x[:, :cut]), (cut / RATE + jitter, x[:, cut:]))
    np.testing.assert_array_equal(np.concatenate([present(block) for block in blocks], axis=1), x)


def test_a_drifting_clock_is_followed() -> None:
    # Each piece claims to start 1 ms later than the samples before it say; after a minute that is no longer jitter.
    piece = np.full((1, BLOCK), 0.1, dtype=np.float32)
    blocks = lay(*((n * (BLOCK / RATE + 0.001), piece) for n in range(600)))
    assert blocks[-1].index == pytest.approx(600 * 1.01, abs=2)


def test_a_short_gap_is_silence() -> None:
    x = ramp(BLOCK)
    blocks = lay((0.0, x[:, :1000]), (2000 / RATE, x[:, 2000:]))
    expected = x.copy()
    expected[:, 1000:2000] = 0.0
    np.testing.assert_array_equal(present(blocks[0]), expected)


def test_blocks_without_sound_are_not_given() -> None:
    blocks = lay((0.0, ramp(BLOCK + 100)), (5000.0, ramp(BLOCK)))
    assert [block.index for block in blocks] == [0, 1, 50_000]
    assert not present(blocks[1])[0, 100:].any()
    assert not blocks[2].follows
    assert not blocks[2].span[:, :PAST].any()


def test_sound_heard_already_is_left_out() -> None:
    x = ramp(3 * BLOCK)
    blocks = lay((0.0, x[:, : 2 * BLOCK]), (0.1, x[:, BLOCK : 2 * BLOCK]), (0.1, -x[:, BLOCK:]))
    assert [block.index for block in blocks] == [0, 1, 2]
    np.testing.assert_array_equal(present(blocks[2]), -x[:, 2 * BLOCK :])


def test_channels_may_change() -> None:
    mono, stereo = np.full((1, BLOCK), 0.25, np.float32), np.array([[0.1], [0.3]], np.float32) * np.ones((1, BLOCK), np.float32)
    widened = lay((0.0, stereo), (0.1, mono))
    np.testing.assert_array_equal(present(widened[1]), np.full((2, BLOCK), 0.25, np.float32))
    averaged = lay((0.0, mono), (0.1, stereo))
    np.testing.assert_allclose(present(averaged[1]), np.full((1, BLOCK), 0.2), rtol=1e-6)


def test_broken_samples_become_harmless() -> None:
    x = ramp(BLOCK)
    x[0, :4] = [np.nan, np.inf, -np.inf, 1e30]
    np.testing.assert_array_equal(present(lay((0.0, x))[0])[0, :5], np.array([0.0, 8.0, -8.0, 8.0, 5e-5], np.float32))


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros((1, 100), np.float32), 44_100), (np.zeros((6, 100), np.float32), RATE), (np.zeros(100, np.float32), RATE)],
)
def test_what_is_not_stereo_or_mono_at_48_khz_is_refused(samples: Floats, rate: int) -> None:
    with pytest.raises(ValueError, match="48000 Hz"):
        list(Grid().push(Sound(0.0, samples, rate)))
