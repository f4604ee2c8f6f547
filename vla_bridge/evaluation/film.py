# SPDX-License-Identifier: Apache-2.0
"""Films one episode, small: what the camera over the scene sees, ten times a simulated second."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from vla_contract.camera import Camera
from vla_sim.cameras import Cameras
from vla_sim.simulator import Simulator

Pixels = NDArray[np.uint8]

RATE_HZ = 10
WIDTH, HEIGHT = 320, 240


class Film:
    """Pictures of one episode, kept until they are written."""

    def __init__(self, simulator: Simulator) -> None:
        """Prepare to draw what the robot file's last camera sees, which does not move."""
        camera = simulator.robot.cameras[-1]
        small = camera.model_copy(update={'width': WIDTH, 'height': HEIGHT})
        self._camera: Camera = small
        self._cameras = Cameras(simulator, [small])
        self.frames: list[Pixels] = []

    def look(self) -> None:
        """Take a picture."""
        self.frames.append(self._cameras.render(self._camera.name).pixels.copy())

    def close(self) -> None:
        """Give the drawing context back."""
        self._cameras.close()


def write_film(frames: list[Pixels], path: Path, rate_hz: int = RATE_HZ) -> None:
    """Write an MP4 file (h264), under its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    with av.open(str(part), 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=rate_hz)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = 'yuv420p'
        stream.options = {'preset': 'veryfast', 'crf': '20', 'threads': '1'}
        stream.codec_context.time_base = Fraction(1, rate_hz)
        for count, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            frame.pts = count
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.replace(path)


def read_film(path: Path) -> list[Pixels]:
    """The pictures of a film."""
    with av.open(str(path)) as container:
        return [
            np.asarray(frame.to_ndarray(format='rgb24'), dtype=np.uint8)
            for frame in container.decode(video=0)
        ]
