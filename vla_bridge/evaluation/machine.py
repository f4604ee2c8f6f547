# SPDX-License-Identifier: Apache-2.0
"""What a number was measured on."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores, graphics processor where a policy would use one, and Python."""
    parts = [_processor(), f'{os.cpu_count()} cores', _graphics()]
    return ', '.join([*filter(None, parts), f'Python {platform.python_version()}'])


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _graphics() -> str:
    try:
        import torch
    except ImportError:
        return ''
    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else ''
