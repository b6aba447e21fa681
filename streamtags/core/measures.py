"""The measures of the evidence: their names, units and the range real footage moves in.

Vocabularies name them in `when` rules; programs that show evidence take units, ranges and headings from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CAMERA_MOVES = ("static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "handheld")

__all__ = ["MEASURES", "Measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One named measurement of a segment.

    Attributes:
        unit: as in "12 %"; "" for a bare number.
        low: what very little of it looks like in real footage; how deep a value lies below a limit is judged against it.
        high: what a great deal of it looks like.
        values: the words it may be, of a measure that is a word; `low` and `high` then mean nothing.
        description: what it says, in a few words.
        group: heading under which people read it: picture, movement, sound, heard or estimates. Measures of the group heard are known to
            `when` rules only where the stage hear has listened.
    """

    unit: str
    low: float
    high: float
    description: str
    values: tuple[str, ...] = ()
    group: str = ""


_GROUPS: dict[str, dict[str, Measure]] = {
    "picture": {
        "brightness_percent": Measure("%", 0, 100, "mean luma"),
        "contrast_percent": Measure("%", 0, 40, "standard deviation of luma"),
        "saturation_percent": Measure("%", 0, 80, "saturation of colors, dark ones counting less"),
        "warmth": Measure("", -0.6, 0.6, "red against blue light"),
        "colourfulness": Measure("", 0, 100, "Hasler & Süsstrunk's scale: 15 slightly, 45 quite, 84 highly colorful"),
        "dark_share": Measure("", 0, 1, "share of the picture that is nearly black"),
        "bright_share": Measure("", 0, 1, "share of the picture that is nearly white"),
    },
    "movement": {
        "motion_percent_per_second": Measure("%/s", 0, 60, "how fast the picture moves, in percent of its longer side"),
        "subject_motion_percent_per_second": Measure("%/s", 0, 30, "how fast things move beside what the camera does"),
        "camera": Measure("", 0, 0, "what the camera does", values=CAMERA_MOVES),
        "camera_confidence": Measure("", 0, 1, "how clear the camera's move is"),
        "pan_percent_width_per_second": Measure("%/s", -40, 40, "camera turning right, left below 0"),
        "tilt_percent_height_per_second": Measure("%/s", -40, 40, "camera turning up, down below 0"),
        "zoom_percent_per_second": Measure("%/s", -20, 20, "picture growing, shrinking below 0"),
        "shake_percent_per_second": Measure("%/s", 0, 20, "unsteadiness of the camera"),
        "shot_seconds": Measure("s", 0, 20, "length of the shot up to the segment's end"),
        "cuts_per_minute": Measure("/min", 0, 60, "how fast it was cut lately"),
    },
    "sound": {
        "loudness_lufs": Measure("LUFS", -60, -8, "integrated loudness"),
        "loudness_max_momentary_lufs": Measure("LUFS", -60, -3, "loudness of the loudest 0.4 s"),
        "peak_dbfs": Measure("dBFS", -60, 0, "highest sample"),
        "silence_share": Measure("", 0, 1, "share of the time that is silent"),
        "speech_share": Measure("", 0, 1, "share of the time in which a person speaks"),
        "onsets_per_second": Measure("/s", 0, 5, "notes, hits and other sudden sounds"),
        "tempo_bpm": Measure("bpm", 50, 190, "tempo of the sound, where it has one"),
        "tempo_confidence": Measure("", 0, 1, "how clear the tempo is"),
        "spectral_centroid_hz": Measure("Hz", 200, 5000, "where the sound has its weight: low is dull, high is bright"),
    },
    "heard": {
        "singing_share": Measure("", 0, 1, "share of the time in which someone sings"),
        "music_share": Measure("", 0, 1, "share of the time in which music plays"),
    },
    "estimates": {
        "arousal_estimate": Measure("", 0, 1, "how stirring picture and sound are"),
        "valence_estimate": Measure("", -1, 1, "how pleasant picture and sound are"),
    },
}

MEASURES: dict[str, Measure] = {
    name: replace(measure, group=group) for group, measures in _GROUPS.items() for name, measure in measures.items()
}
