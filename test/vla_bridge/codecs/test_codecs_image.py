# SPDX-License-Identifier: Apache-2.0
"""Images become the same pixels whichever library read the message, and wrong ones are named."""

import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from vla_bridge.codecs.camera import decode_camera, policy_image
from vla_bridge.codecs.wire import read_message
from vla_contract.errors import VlaError
from vla_contract.policy import ImageInput
from vla_contract.robot import Camera, Encoding
from vla_policy.resize import resize

WIDTH, HEIGHT = 8, 6
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
DEPTH = np.random.default_rng(1).integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16)
SMOOTH = cv2.resize(RGB[:3, :4], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)

Reader = Callable[[Any], Any]


def camera(encoding: str = 'rgb8', transport: str = 'raw') -> Camera:
    """A camera's contract."""
    return Camera.model_validate_json(
        f'{{"name": "c", "topic": "c/image", "encoding": "{encoding}", "rate_hz": 30,'
        f'"transport": "{transport}", "width": {WIDTH}, "height": {HEIGHT}, "frame": "f"}}'
    )


def raw(pixels: NDArray[np.generic], encoding: str, padding: int = 0, big: bool = False) -> Image:
    """An Image message, with bytes after each row that are not pixels."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    data = array.array('B', padded.tobytes())
    height, width = pixels.shape[:2]
    return Image(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=big,
        step=padded.shape[1],
        data=data,
    )


def compressed(pixels: NDArray[np.uint8], kind: str, words: str) -> CompressedImage:
    """A CompressedImage message of rgb pixels."""
    _, data = cv2.imencode(f'.{kind}', cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return CompressedImage(format=words, data=array.array('B', data.tobytes()))


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(
    ('encoding', 'pixels', 'expected'),
    [
        ('rgb8', RGB, RGB),
        ('bgr8', RGB[..., ::-1], RGB),
        ('mono8', RGB[..., 0], np.repeat(RGB[..., :1], 3, axis=2)),
        ('16UC1', DEPTH, DEPTH),
    ],
)
def test_every_encoding_becomes_rgb_or_depth(
    read: Reader,
    encoding: str,
    pixels: NDArray[np.generic],
    expected: NDArray[np.generic],
    padding: int,
) -> None:
    """Padding at the end of rows is no picture."""
    image = decode_camera(read(raw(pixels, encoding, padding)), camera(encoding))
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == expected.dtype


def test_big_endian_depth_is_turned(read: Reader) -> None:
    """The byte order is the message's, not this machine's."""
    message = raw(DEPTH.astype('>u2'), '16UC1', padding=2, big=True)
    image = decode_camera(read(message), camera('16UC1'))
    np.testing.assert_array_equal(image, DEPTH)
    assert image.dtype == np.uint16


@pytest.mark.parametrize(
    ('pattern', 'places'),
    [
        ('bayer_rggb8', 'rggb'),
        ('bayer_bggr8', 'bggr'),
        ('bayer_gbrg8', 'gbrg'),
        ('bayer_grbg8', 'grbg'),
    ],
)
def test_bayer_colours_are_not_swapped(pattern: str, places: str) -> None:
    """A plain colour seen through the pattern comes back as that colour."""
    colour = {'r': 200, 'g': 100, 'b': 50}
    block = np.array([colour[place] for place in places], np.uint8).reshape(2, 2)
    image = decode_camera(raw(np.tile(block, (HEIGHT // 2, WIDTH // 2)), pattern), camera(pattern))
    np.testing.assert_array_equal(image[2:-2, 2:-2], np.full((2, 4, 3), [200, 100, 50]))


@pytest.mark.parametrize('words', ['png', 'rgb8; png compressed bgr8'])
def test_png_is_exact(read: Reader, words: str) -> None:
    """Colours come out as rgb."""
    image = decode_camera(read(compressed(RGB, 'png', words)), camera('rgb8', 'compressed'))
    np.testing.assert_array_equal(image, RGB)


def test_jpeg_is_close(read: Reader) -> None:
    """Colours come out as rgb, give or take the compression."""
    plain = np.full((HEIGHT, WIDTH, 3), (200, 100, 50), np.uint8)
    image = decode_camera(read(compressed(plain, 'jpg', 'jpeg')), camera('rgb8', 'compressed'))
    assert np.abs(image.astype(int) - plain).max() <= 3


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'encoding': 'bgr8'}, "c/image: expected encoding rgb8, found 'bgr8'"),
        ({'width': 9}, 'c/image: expected 8 x 6 pixels, found 9 x 6'),
        ({'height': 5}, 'c/image: expected 8 x 6 pixels, found 8 x 5'),
        ({'step': 23}, 'c/image: step is 23 bytes, but a row of 8 rgb8 pixels takes 24'),
        ({'step': 25}, 'c/image: 6 rows of 25 bytes need 150, found 144'),
        ({'data': array.array('B')}, 'c/image: 6 rows of 24 bytes need 144, found 0'),
    ],
)
def test_a_wrong_image_is_refused_in_words(
    read: Reader, changes: dict[str, object], words: str
) -> None:
    """The error names topic, expected and found."""
    message = raw(RGB, 'rgb8')
    for field, value in changes.items():
        setattr(message, field, value)
    with pytest.raises(VlaError, match=words):
        decode_camera(read(message), camera())


@pytest.mark.parametrize(
    ('message', 'words'),
    [
        (CompressedImage(format='jpeg', data=b''), "c/image: 0 bytes of format 'jpeg'"),
        (CompressedImage(format='jpeg', data=b'not a picture'), 'neither JPEG nor PNG'),
        (
            CompressedImage(format='16UC1; png', data=b'any'),
            'found depth',
        ),
        (compressed(RGB[:5], 'png', 'png'), 'expected 8 x 6 pixels, found 8 x 5'),
    ],
)
def test_a_wrong_compressed_image_is_refused_in_words(message: CompressedImage, words: str) -> None:
    """The error names topic, expected and found."""
    with pytest.raises(VlaError, match=words):
        decode_camera(message, camera(transport='compressed'))


def test_every_encoding_of_the_contract_can_be_decoded() -> None:
    """A new encoding in the robot file needs a codec."""
    for encoding in Encoding:
        shapes: dict[str, NDArray[Any]] = {'rgb8': RGB, 'bgr8': RGB, '16UC1': DEPTH}
        pixels = shapes.get(encoding, RGB[..., 0])
        assert decode_camera(raw(pixels, encoding), camera(encoding)).shape[:2] == (HEIGHT, WIDTH)


def test_an_image_of_the_right_size_is_not_copied() -> None:
    """Where camera and policy agree, the pixels are those of the message."""
    message = raw(RGB, 'rgb8')
    wanted = ImageInput(key='k', camera='c', width=WIDTH, height=HEIGHT)
    assert np.shares_memory(policy_image(message, camera(), wanted), np.asarray(message.data))


@pytest.mark.parametrize('size', [(224, 224), (320, 240), (256, 128), (1280, 960), (639, 479)])
def test_resizing_keeps_a_smooth_picture(size: tuple[int, int]) -> None:
    """It agrees with averaging over areas, the slow and exact way."""
    big = cv2.resize(RGB, (640, 480), interpolation=cv2.INTER_CUBIC)
    image = resize(big, *size)
    assert image.shape == (size[1], size[0], 3)
    exact = cv2.resize(big, size, interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(int) - exact).max() <= 6


def test_shrinking_does_not_alias() -> None:
    """A pattern finer than the new pixels becomes grey, not another pattern."""
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 254
    image = resize(stripes, 224, 224)
    assert np.abs(image.astype(int) - 127).max() <= 1


def test_depth_is_never_averaged() -> None:
    """Between near and far there is nothing, so only measured values come out."""
    depth = np.where(np.arange(640) < 333, 500, 4000).astype(np.uint16)
    image = resize(np.tile(depth, (480, 1)), 224, 224)
    assert set(np.unique(image)) == {500, 4000}


def test_bytes_from_the_wire_hold_the_same_picture() -> None:
    """What rclpy serialised is read without rclpy, padding and all."""
    message = raw(RGB, 'rgb8', padding=5)
    message.header.stamp.sec, message.header.stamp.nanosec = 7, 8
    found = read_message(bytes(serialize_message(message)), 'sensor_msgs/msg/Image')
    assert (found.header.stamp.sec, found.header.stamp.nanosec) == (7, 8)
    np.testing.assert_array_equal(decode_camera(found, camera()), RGB)
