# SPDX-License-Identifier: Apache-2.0
"""The video of an episode: its cameras side by side, with what was asked and what goes on."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vla_bridge.codecs.camera import decode_camera
from vla_bridge.demo.palette import STATES, UNKNOWN
from vla_bridge.demo.trace import NS, Trace
from vla_bridge.recording.episode import Episode
from vla_contract.robot import Camera, Encoding, Robot

Pixels = NDArray[np.uint8]

HEIGHT = 360
"""Of each camera's picture [px]."""
STRIP = 100
"""Of the captions [px]."""
GAP = 8
_PAPER, _INK, _FAINT = (24, 26, 30), (238, 238, 238), (150, 156, 164)
_ACCENT, _GOOD = STATES['ARMED'], STATES['ACTIVE']


def write_video(
    episode: Episode, robot: Robot, trace: Trace, texts: tuple[str, str], path: Path
) -> int:
    """Write an MP4 file (h264) in real time.

    Args:
        episode: Recorded cameras.
        robot: Whose cameras they are, the first one on the left.
        trace: What the captions tell.
        texts: The instruction, and a note on what arm and policy are.
        path: File to write.

    Returns:
        How many frames it has; 0, and no file, where no camera was recorded.
    """
    cameras = [c for c in reversed(robot.cameras) if c.encoding is not Encoding.DEPTH16]
    if not any(episode.topics.get(episode.resolve(camera.topic)) for camera in cameras):
        return 0
    captions = Captions(trace, *texts)
    rate = round(max(camera.rate_hz for camera in cameras))
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=rate)
        stream.pix_fmt = 'yuv420p'
        stream.options = {'preset': 'veryfast', 'crf': '21'}
        stream.codec_context.time_base = Fraction(1, rate)
        count = 0
        for when, pictures in moments(episode, cameras, trace, rate):
            canvas = compose(pictures, captions, when)
            if count == 0:
                stream.height, stream.width = canvas.shape[:2]
            frame = av.VideoFrame.from_ndarray(canvas, format='rgb24')
            frame.pts = count
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count


def moments(
    episode: Episode, cameras: list[Camera], trace: Trace, rate: int
) -> Iterator[tuple[float, list[Pixels]]]:
    """Evenly spaced times [s] with the newest picture of every camera."""
    by_topic = {camera.topic: index for index, camera in enumerate(cameras)}
    newest: list[Pixels | None] = [None] * len(cameras)
    due = -math.inf
    for topic, stamp_ns, message in episode.messages(*by_topic):
        index = by_topic[topic]
        newest[index] = scaled(decode_camera(message, cameras[index]))
        when = (stamp_ns - trace.zero_ns) / NS
        pictures = [picture for picture in newest if picture is not None]
        if len(pictures) < len(cameras):
            continue
        due = max(due, when - 1.0)
        while due <= when:
            yield due, pictures
            due += 1.0 / rate


def scaled(image: Pixels) -> Pixels:
    """A picture of the height of all of them."""
    height, width = image.shape[:2]
    size = (round(width * HEIGHT / height / 2) * 2, HEIGHT)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def compose(pictures: list[Pixels], captions: 'Captions', when: float) -> Pixels:
    """Pictures side by side, captions below."""
    width = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    canvas = np.empty((HEIGHT + STRIP, width, 3), dtype=np.uint8)
    canvas[:] = _PAPER
    left = 0
    for picture in pictures:
        canvas[:HEIGHT, left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP
    canvas[HEIGHT:] = captions.strip(width, when)
    return canvas


class Captions:
    """The strip below the pictures, drawn anew only when it changes."""

    def __init__(self, trace: Trace, instruction: str, note: str) -> None:
        """Load the fonts."""
        self._trace, self._instruction, self._note = trace, instruction, note
        self._large, self._small = (
            ImageFont.truetype(findfont('DejaVu Sans'), size) for size in (20, 15)
        )
        self._last: tuple[object, Pixels] | None = None

    def strip(self, width: int, when: float) -> Pixels:
        """The captions of a time."""
        trace = self._trace
        progress = trace.progress.at(when, default=math.nan) if when >= 0 else math.nan
        shown = (
            width,
            trace.phase(when),
            str(trace.safety.at(when, default='unknown')),
            0.0 if math.isnan(progress) else round(progress, 2),
            f'{max(when, 0.0):.1f} s',
        )
        if self._last is None or self._last[0] != shown:
            self._last = (shown, self._draw(*shown))
        return self._last[1]

    def _draw(self, width: int, phase: str, safety: str, progress: float, clock: str) -> Pixels:
        image = Image.new('RGB', (width, STRIP), _PAPER)
        pen = ImageDraw.Draw(image)
        pen.rectangle((0, 0, width, 4), fill=(52, 56, 64))
        colour = _GOOD if phase == 'done' else _ACCENT
        pen.rectangle((0, 0, round(width * progress), 4), fill=colour)
        pen.text((14, 13), f'“{self._instruction}”', font=self._large, fill=_INK)
        pen.text((14, 46), phase, font=self._small, fill=colour)
        pen.text((width - 14, 13), clock, font=self._large, fill=_INK, anchor='ra')
        said = safety.replace('_', ' ').lower()
        tint = STATES.get(safety, UNKNOWN)
        pen.text((width - 14, 46), f'safety: {said}', font=self._small, fill=tint, anchor='ra')
        pen.text((14, 72), self._note, font=self._small, fill=_FAINT)
        return np.asarray(image, dtype=np.uint8)
