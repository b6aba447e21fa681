"""What `import streamtags` promises, and what an installed package contains."""

import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import streamtags

ROOT = Path(__file__).parent.parent


def test_exported_names_are_sorted_and_exist() -> None:
    assert streamtags.__all__ == sorted(streamtags.__all__, key=lambda name: (name.islower(), name))
    for name in streamtags.__all__:
        assert getattr(streamtags, name).__name__ == name


def test_importing_is_light() -> None:
    code = "import sys, streamtags; print(sorted({'cv2', 'torch', 'av', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_missing_name_is_an_attribute_error() -> None:
    assert not hasattr(streamtags, "analyze_film")
    assert "analyze" in dir(streamtags)


@pytest.mark.parametrize(
    ("old", "name", "place"),
    [
        ("streamtags.model", "Sound", "streamtags.core.model"),
        ("streamtags.ingest.source", "open_source", "streamtags.sources.file.source"),
        ("streamtags.ingest.subtitles", "parse_subtitles", "streamtags.sources.file.subtitles"),
        ("streamtags.timeline.fold", "fold", "streamtags.core.fold"),
        ("streamtags.vocabulary_file", "load_vocabulary", "streamtags.config.vocabulary_file"),
    ],
)
def test_a_module_is_imported_by_its_old_name_with_a_warning(old: str, name: str, place: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is {place} now"):
        module = import_module(old)
    assert getattr(module, name) is getattr(import_module(place), name)


def test_a_module_that_never_was_is_not_there() -> None:
    for name in ("streamtags.ingest.nothing", "streamtags.models"):
        with pytest.raises(ModuleNotFoundError):
            import_module(name)


def test_the_wheel_contains_the_packages_and_no_development_tools(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, capture_output=True, check=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"streamtags", "streamtags_server"}
    assert not [name for name in names if "demo_film" in name or "/tests/" in name or "/film/" in name]
    assert {
        "streamtags/py.typed",
        "streamtags/configs/vocabularies/music-library.yaml",
        "streamtags_server/page/index.html",
    } <= set(names)
