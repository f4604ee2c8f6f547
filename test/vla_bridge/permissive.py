# SPDX-License-Identifier: Apache-2.0
"""An SRDF that lets the hand pass through the upper arm."""

from pathlib import Path

UR5E = Path(__file__).resolve().parents[2] / 'urdf' / 'ur5e.srdf'
PAIR = '<disable_collisions link1="upper_arm_link" link2="gripper_base_link" reason="Never"/>'


def permissive_srdf(folder: Path) -> Path:
    """That of the simulated arm with one pair more."""
    path = folder / 'permissive.srdf'
    path.write_text(UR5E.read_text().replace('</robot>', f'{PAIR}</robot>'))
    return path
