# SPDX-License-Identifier: Apache-2.0
"""Makes the README's picture from the video of a demo run.

After `make demo`:
.venv/bin/python -m tools.make_demo_picture out/demo/…/video.mp4 docs/images/demo.jpg
"""

import sys
from pathlib import Path

import av
from PIL import Image

MOMENTS = (0.25, 0.55, 0.97)
WIDTH = 720
QUALITY = 88


def picture(video: Path) -> Image.Image:
    """A few moments of a video, one below the other."""
    with av.open(str(video)) as container:
        frames = [
            Image.fromarray(frame.to_ndarray(format='rgb24')) for frame in container.decode(video=0)
        ]
    chosen = [frames[int(moment * (len(frames) - 1))] for moment in MOMENTS]
    height = round(chosen[0].height * WIDTH / chosen[0].width)
    sheet = Image.new('RGB', (WIDTH, height * len(chosen)))
    for index, frame in enumerate(chosen):
        smaller = frame.resize((WIDTH, height), Image.Resampling.LANCZOS)
        sheet.paste(smaller, (0, index * height))
    return sheet


def main() -> None:
    """Read a video, write a picture."""
    video, target = (Path(argument) for argument in sys.argv[1:3])
    target.parent.mkdir(parents=True, exist_ok=True)
    picture(video).save(target, quality=QUALITY, optimize=True)
    print(f'{target}: {target.stat().st_size // 1024} kB')


if __name__ == '__main__':
    main()
