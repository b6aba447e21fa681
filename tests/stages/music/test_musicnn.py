"""The tagger with random weights against numbers of another implementation, and with its own weights where a folder has them."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError
from streamtags.stages.music.labels import MEANING, MSD_LABELS, MTT_LABELS
from streamtags.stages.music.musicnn import Musicnn, MusicnnTagger, load_tagger, patches
from streamtags.stages.music.spectrogram import log_mel
from streamtags.stages.music.tagger import answer_of, energy, merged
from streamtags.stages.music.weights import pulled_folder

# Read before every test's isolation takes the user's variables and folders away.
FOLDER = Path(os.environ["STREAMTAGS_MUSICNN"]) if "STREAMTAGS_MUSICNN" in os.environ else pulled_folder()
MUSIC = Path(os.environ.get("STREAMTAGS_SHARED", Path(__file__).parents[4] / "shared")) / "media" / "music"
KERNELS = {
    "conv2d": (7, 38, 1, 204),
    "conv2d_1": (7, 67, 1, 204),
    "conv2d_2": (128, 1, 1, 51),
    "conv2d_3": (64, 1, 1, 51),
    "conv2d_4": (32, 1, 1, 51),
    "conv2d_5": (7, 561, 1, 64),
    "conv2d_6": (7, 64, 1, 64),
    "conv2d_7": (7, 64, 1, 64),
    "dense": (1506, 200),
    "dense_1": (200, 50),
}
EXPECTED = [0.29151, 0.999314, 0.99252, 0.001801, 0.995314, 2e-06, 0.232016, 0.000192]
NORMALIZED = (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)
ORCHESTRAL = {"classical", "strings", "violin", "cello", "choir", "choral", "flute", "harp"}


def random_weights() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(11)
    weights: dict[str, NDArray[np.float32]] = {}
    for name, shape in KERNELS.items():
        weights[f"{name}/kernel"] = (rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)
        weights[f"{name}/bias"] = rng.normal(0, 0.1, shape[-1]).astype(np.float32)
    for place, size in enumerate(NORMALIZED):
        name = f"batch_normalization_{place}" if place else "batch_normalization"
        weights[f"{name}/gamma"] = rng.normal(1, 0.5, size).astype(np.float32)  # some below 0, which turns maxima around
        weights[f"{name}/beta"] = rng.normal(0, 0.3, size).astype(np.float32)
        weights[f"{name}/moving_mean"] = rng.normal(0, 0.3, size).astype(np.float32)
        weights[f"{name}/moving_variance"] = rng.uniform(0.5, 2, size).astype(np.float32)
    return weights


def test_scores_equal_those_of_another_implementation() -> None:
    """The numbers come from the same network in PyTorch 2.13, `torch.nn.functional.conv2d` on the same weights."""
    patch = np.random.default_rng(12).uniform(0, 4, (187, 96)).astype(np.float32)
    scores = Musicnn(random_weights()).patch_scores(patch)
    assert scores.shape == (50,)
    assert scores[:8] == pytest.approx(EXPECTED, abs=1e-5)


async def test_all_tags_are_ranked_and_short_sounds_give_none() -> None:
    weights = random_weights()
    tagger = MusicnnTagger([(Musicnn(weights), MTT_LABELS), (Musicnn(weights), MSD_LABELS)])
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    ranked = await tagger.rank(noise)
    assert sorted((tag.kind, tag.label) for tag in ranked) == sorted(set(MEANING.values()))
    assert [tag.score for tag in ranked] == sorted((tag.score for tag in ranked), reverse=True)
    assert await tagger.rank(noise[:4000]) == ()


def test_outputs_that_mean_the_same_are_one_tag_with_the_higher_score() -> None:
    ranked = merged([("vocals", 0.2), ("male voice", 0.6), ("drums", 0.5), ("no vocals", 0.9), ("Mellow", 0.1)])
    assert [(tag.kind, tag.label, tag.score) for tag in ranked] == [
        ("instrument", "voice", 0.6),
        ("instrument", "drums", 0.5),
        ("mood", "mellow", 0.1),
    ]


def test_an_answer_lists_the_best_of_each_kind_and_leaves_out_what_is_far_behind() -> None:
    scores = [("violin", 0.5), ("cello", 0.4), ("strings", 0.3), ("flute", 0.2), ("drums", 0.05), ("classical", 0.6), ("sad", 0.1)]
    music = answer_of(merged(scores), "m", 96.0)
    assert music is not None
    assert [tag.label for tag in music.instruments] == ["violin", "cello", "strings"]
    assert [tag.label for tag in music.genres] == ["classical"]
    assert music.moods == []
    assert [tag.label for tag in music.tags] == ["classical", "violin", "cello", "strings", "flute"]
    assert (music.bpm, music.model) == (96.0, "m")
    assert answer_of([], "m") is None


@pytest.mark.parametrize(
    ("scores", "tag"),
    [
        ({"drums": 0.33, "loud": 0.19, "slow": 0.09}, "energetic"),
        ({"slow": 0.37, "soft": 0.11, "fast": 0.01}, "restful"),
        ({"beat": 0.2, "slow": 0.2}, None),
        ({"slow": 0.2, "drums": 0.13}, None),
        ({"fast": 0.07, "slow": 0.01}, None),
        ({}, None),
    ],
)
def test_music_is_energetic_or_restful_only_where_that_is_clear(scores: dict[str, float], tag: str | None) -> None:
    level = energy(scores)
    assert (level and level.label) == tag
    ranked = [*merged({**scores, "classical": 0.6}.items()), *([level] if level else [])]
    music = answer_of(ranked, "m")
    assert music is not None
    assert [one.label for one in music.moods if one.label in ("energetic", "restful")] == ([tag] if tag else [])
    assert not {"energetic", "restful"} & {one.label for one in music.tags}


def test_patches_cover_a_sound_and_a_short_one_is_repeated() -> None:
    long, short = np.arange(500 * 96.0).reshape(500, 96).astype(np.float32), np.arange(100 * 96.0).reshape(100, 96).astype(np.float32)
    assert [patch[0, 0] for patch in patches(long)] == [0, 187 * 96]
    (only,) = patches(short)
    assert np.array_equal(only[100], short[0])


@pytest.mark.parametrize("hertz", [200, 1000, 3000, 7000])
def test_a_tone_is_in_its_band(hertz: int) -> None:
    samples = 0.5 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000).astype(np.float32)
    spectrogram = log_mel(samples)
    assert spectrogram.shape == (63, 96)

    def mel(frequency: float) -> float:
        return 15 + 27 * np.log(frequency / 1000) / np.log(6.4) if frequency >= 1000 else 3 * frequency / 200

    expected = mel(hertz) / mel(8000) * 97 - 1  # 96 centers between 0 and 8 kHz, evenly spaced in mel
    assert int(spectrogram[30].argmax()) == pytest.approx(expected, abs=1)


def test_files_that_are_not_the_expected_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="model pull music-tagger"):
        load_tagger(tmp_path)
    (tmp_path / "MTT_musicnn").mkdir()
    (tmp_path / "MTT_musicnn" / ".index").write_bytes(b"x")
    with pytest.raises(ConfigError, match="SHA-256 differs"):
        load_tagger(tmp_path)


def decoded(path: Path, seconds: int) -> NDArray[np.float32]:
    """The beginning of a sound file: float32 mono at 16 kHz."""
    resampler, parts = av.AudioResampler("flt", "mono", 16_000), []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray().ravel() for piece in resampler.resample(frame)]
            if sum(map(len, parts)) > seconds * 16_000:
                break
    return np.concatenate(parts)[: seconds * 16_000]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(FOLDER is None, reason="no weights: STREAMTAGS_MUSICNN names no folder of them, and none were pulled")
@pytest.mark.skipif(not MUSIC.is_dir(), reason="no development music")
async def test_recordings_get_tags_of_what_they_are() -> None:
    tagger = load_tagger(Path(str(FOLDER)))
    first = {}
    for path in sorted(MUSIC.glob("*.ogg")):
        music = answer_of(await tagger.rank(decoded(path, 12)), tagger.model)
        first[path.stem] = [tag.label for tag in music.tags] if music else []
    tracks = [line.split(".ogg")[0] for line in (MUSIC / "wesnoth_tracks.tsv").read_text("utf-8").splitlines()[1:]]
    orchestral = [bool(ORCHESTRAL & set(first[track])) for track in tracks if track in first]
    assert sum(orchestral) >= 12  # of 19, from their first twelve seconds
    assert "choir" in first["elf-land"]
    assert "drums" in first["legends_of_the_north"]
    assert "flute" in first["love_theme"]
