# SPDX-License-Identifier: Apache-2.0
"""Whether headless OpenGL works: the exit status of `python3 -m tools.graphics` is 0 if it does.

Asks for what MuJoCo asks for, a display on an EGL device. Runs in a process of its own, because a
broken driver may crash it.
"""

from __future__ import annotations

import ctypes
import sys

PLATFORM_DEVICE = 0x313F
MOST_DEVICES = 16


def works() -> bool:
    """Tell whether the libraries are there, with a driver that starts."""
    egl = library('libEGL.so.1')
    if egl is None or (library('libOpenGL.so.0') or library('libGL.so.1')) is None:
        return False
    return any(initialises(egl, device) for device in devices(egl))


def library(name: str) -> ctypes.CDLL | None:
    """Load a shared library, None if there is none of that name."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def devices(egl: ctypes.CDLL) -> list[int]:
    """List the handles of the graphics devices, software ones included."""
    pointer = extension(egl, b'eglQueryDevicesEXT')
    if not pointer:
        return []
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(pointer)
    handles = (ctypes.c_void_p * MOST_DEVICES)()
    count = ctypes.c_int()
    query(MOST_DEVICES, handles, ctypes.byref(count))
    return [handle for handle in handles[: count.value] if handle]


def initialises(egl: ctypes.CDLL, device: int) -> bool:
    """Tell whether a device has a driver that starts."""
    pointer = extension(egl, b'eglGetPlatformDisplayEXT')
    if not pointer:
        return False
    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)
    display = get(pointer)(PLATFORM_DEVICE, device, None)
    return bool(display and egl.eglInitialize(ctypes.c_void_p(display), None, None))


def extension(egl: ctypes.CDLL, name: bytes) -> int | None:
    """Address of an extension function, None if the library has none of that name."""
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    address: int | None = egl.eglGetProcAddress(name)
    return address


if __name__ == '__main__':
    sys.exit(0 if works() else 1)
