# SPDX-License-Identifier: Apache-2.0
"""What each frame of a dataset holds: numbers, pictures, and how fast they follow each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vla_contract.errors import VlaError
from vla_contract.policy import Policy
from vla_policy.datasets.layout import ACTION, ADDED, STATE


class Codec(StrEnum):
    """How pictures are kept: h264 decodes fast, png loses nothing, av1 is read and not written."""

    H264 = 'h264'
    AV1 = 'av1'
    PNG = 'png'


@dataclass(frozen=True)
class ImageFeature:
    """One picture a frame, rgb.

    Attributes:
        key: For example ``observation.images.wrist``.
        width: Columns [px].
        height: Rows [px].
    """

    key: str
    width: int
    height: int


@dataclass(frozen=True)
class VectorFeature:
    """Numbers of each frame.

    Attributes:
        key: For example ``observation.state``.
        names: One a column.
        dtype: ``float32``, ``int64`` or ``bool``.
    """

    key: str
    names: tuple[str, ...]
    dtype: str = 'float32'


@dataclass(frozen=True)
class DatasetSpec:
    """What each frame holds.

    Attributes:
        fps: Frames a second.
        robot_type: Name of the robot.
        vectors: Numbers.
        images: Pictures.
        codec: How pictures are kept.
    """

    fps: int
    robot_type: str
    vectors: tuple[VectorFeature, ...]
    images: tuple[ImageFeature, ...]
    codec: Codec = Codec.H264

    def __post_init__(self) -> None:
        """Refuse what the format cannot say."""
        keys = self.keys
        for key in keys:
            if '/' in key or key in ADDED or keys.count(key) > 1:
                raise VlaError(
                    f'feature {key!r}: keys are unique, have no "/", and are none of '
                    f'{", ".join(ADDED)}, which every dataset has anyway'
                )
        if self.fps < 1:
            raise VlaError(f'{self.fps} frames a second; a dataset has at least 1')
        for image in self.images:
            if self.codec is not Codec.PNG and (image.width % 2 or image.height % 2):
                raise VlaError(
                    f'feature {image.key}: {image.width} x {image.height} pixels; '
                    f'{self.codec} needs even numbers, or choose {Codec.PNG}'
                )

    @property
    def keys(self) -> tuple[str, ...]:
        """Of numbers, then of pictures."""
        return (*(each.key for each in self.vectors), *(each.key for each in self.images))

    def features(self) -> dict[str, dict[str, Any]]:
        """As in ``meta/info.json``."""
        found: dict[str, dict[str, Any]] = {}
        for vector in self.vectors:
            shape, names = [len(vector.names)], list(vector.names)
            found[vector.key] = {'dtype': vector.dtype, 'shape': shape, 'names': names}
        for image in self.images:
            found[image.key] = self._picture(image)
        for key, dtype in ADDED.items():
            found[key] = {'dtype': dtype, 'shape': [1], 'names': None}
        return found

    def _picture(self, image: ImageFeature) -> dict[str, Any]:
        shape = [image.height, image.width, 3]
        names = ['height', 'width', 'channels']
        if self.codec is Codec.PNG:
            return {'dtype': 'image', 'shape': shape, 'names': names}
        video = {
            'video.height': image.height,
            'video.width': image.width,
            'video.codec': str(self.codec),
            'video.pix_fmt': 'yuv420p',
            'video.is_depth_map': False,
            'video.fps': self.fps,
            'video.channels': 3,
            'has_audio': False,
        }
        return {'dtype': 'video', 'shape': shape, 'names': names, 'info': video}


def spec_of_policy(policy: Policy, robot_name: str, codec: Codec = Codec.H264) -> DatasetSpec:
    """What a policy sees and answers, frame by frame.

    Raises:
        VlaError: It takes depth, or its rate is no whole number: the format has neither.
    """
    for image in policy.images:
        if image.kind != 'colour':
            raise VlaError(f'{policy.name}: {image.key} is {image.kind}; datasets keep colour')
    if policy.rate_hz != round(policy.rate_hz):
        raise VlaError(
            f'{policy.name}: rate_hz: {policy.rate_hz:g}; the format knows whole rates only'
        )
    vectors = [VectorFeature(ACTION, policy.action.columns)]
    if policy.state.columns:
        vectors.insert(0, VectorFeature(STATE, policy.state.columns))
    images = tuple(ImageFeature(each.key, each.width, each.height) for each in policy.images)
    return DatasetSpec(round(policy.rate_hz), robot_name, tuple(vectors), images, codec)


def spec_from_info(info: Mapping[str, Any], source: str) -> DatasetSpec:
    """Read back what ``features`` wrote, ours or LeRobot's.

    Raises:
        VlaError: A feature is not as the format has it.
    """
    vectors, images, codec = [], [], Codec.H264
    for key, feature in info['features'].items():
        if key in ADDED:
            continue
        dtype, shape = feature['dtype'], feature['shape']
        if dtype in ('image', 'video'):
            images.append(ImageFeature(key, shape[1], shape[0]))
            codec = _codec(feature)
        elif dtype in ('float32', 'int64', 'bool', 'float64', 'int32') and len(shape) == 1:
            vectors.append(VectorFeature(key, _names(feature), dtype))
        else:
            raise VlaError(f'{source}: features.{key}: {dtype} {shape} is not read here')
    return DatasetSpec(
        round(info['fps']), str(info.get('robot_type')), tuple(vectors), tuple(images), codec
    )


def _codec(feature: Mapping[str, Any]) -> Codec:
    if feature['dtype'] == 'image':
        return Codec.PNG
    said = (feature.get('info') or {}).get('video.codec', Codec.H264)
    return Codec.AV1 if 'av1' in said else Codec.H264


def _names(feature: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of columns; LeRobot also has them in one group, or none at all."""
    names = feature.get('names')
    if isinstance(names, Mapping):
        names = next(iter(names.values()), None)
    return tuple(names) if names else tuple(map(str, range(feature['shape'][0])))
