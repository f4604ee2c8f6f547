# SPDX-License-Identifier: Apache-2.0
"""Pictures to MP4 and back: written frame by frame, joined without decoding, read at random."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from vla_contract.errors import VlaError

if TYPE_CHECKING:
    from types import TracebackType

Pixels = NDArray[np.uint8]

GROUP = 8
"""Every so many frames one can be read without the frames before it."""
_OPTIONS = {'preset': 'veryfast', 'crf': '18', 'bf': '0', 'threads': '1', 'g': str(GROUP)}


class VideoWriter:
    """One file (h264), frames of one size, evenly spaced. One thread, so that bytes repeat."""

    def __init__(self, path: Path, width: int, height: int, fps: int) -> None:
        """Open the file."""
        self._container = av.open(str(path), 'w', format='mp4')
        stream = self._container.add_stream('libx264', rate=fps)
        if not isinstance(stream, av.VideoStream):
            raise VlaError(f'{path}: libx264 encodes no pictures here')
        self._stream = stream
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = 'yuv420p'
        self._stream.options = dict(_OPTIONS)
        self._stream.codec_context.time_base = Fraction(1, fps)
        self._stream.codec_context.thread_count = 1
        self._count = 0

    def add(self, image: Pixels) -> None:
        """Append a picture, rgb."""
        frame = av.VideoFrame.from_ndarray(image, format='rgb24')
        frame.pts = self._count
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def join(parts: Sequence[tuple[Path, int]], path: Path, fps: int) -> None:
    """Put videos of the same making one after the other, packet by packet.

    Args:
        parts: Files, each with its number of frames.
        path: File to write.
        fps: Frames a second of all of them.
    """
    with av.open(str(path), 'w', format='mp4') as target:
        first, stream, done = b'', None, 0
        for part, frames in parts:
            with av.open(str(part)) as source:
                video = source.streams.video[0]
                header = bytes(video.codec_context.extradata or b'')
                if stream is None:
                    stream, first = target.add_stream_from_template(video), header
                if header != first or video.time_base is None:
                    raise VlaError(f'{part}: is encoded in another way than the videos before it')
                shift = round(Fraction(done, fps) / video.time_base)
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = stream
                    target.mux(packet)
            done += frames


class VideoReader:
    """Frames of a file by their number. Belongs to one thread and one process."""

    def __init__(self, path: Path, fps: int) -> None:
        """Open the file.

        Raises:
            VlaError: It is missing or no video.
        """
        try:
            self._container = av.open(str(path))
        except (FFmpegError, OSError) as error:
            raise VlaError(f'{path}: cannot be read as a video: {error}') from error
        self._path, self._fps = path, fps
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1
        base = self._stream.time_base
        self._ticks = Fraction(1, fps) / (Fraction(1, fps) if base is None else base)
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next = -GROUP  # nothing is decoded yet, so that every frame is searched for

    def __enter__(self) -> Self:
        """Keep open for a while."""
        return self

    def __exit__(
        self,
        kind: 'type[BaseException] | None',
        error: 'BaseException | None',
        trace: 'TracebackType | None',
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    def frame(self, number: int) -> Pixels:
        """One picture, rgb.

        Raises:
            VlaError: The file has no such frame, or is broken there.
        """
        if not 0 <= number - self._next < GROUP:
            self._container.seek(round(number * self._ticks), stream=self._stream)
            self._frames = self._container.decode(self._stream)
        try:
            for frame in self._frames:
                found = round((frame.pts or 0) / self._ticks)
                self._next = found + 1
                if found == number:
                    return frame.to_ndarray(format='rgb24').astype(np.uint8, copy=False)
                if found > number:
                    break
        except FFmpegError as error:
            raise VlaError(f'{self._path}: broken near frame {number}: {error}') from error
        raise VlaError(f'{self._path}: has no frame {number}; the dataset is incomplete')

    def frames(self, start: int, stop: int) -> Iterator[Pixels]:
        """Pictures from start to before stop, in order."""
        for number in range(start, stop):
            yield self.frame(number)
