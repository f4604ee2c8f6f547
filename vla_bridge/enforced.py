# SPDX-License-Identifier: Apache-2.0
"""What a safety node enforces: in words, and as the setup that refused chunks are kept with."""

from collections.abc import Iterator

from vla_bridge.collision.backend import beside
from vla_contract.deployment import Deployment
from vla_safety.filter import MotionFilter
from vla_safety.rejected import Setup, digest_of


def enforced(motion_filter: MotionFilter) -> Iterator[str]:
    """Lines for the log: URDF limits can be useless, so nobody should have to guess."""
    robot, limits = motion_filter.robot, motion_filter.limits
    for index, name in enumerate(limits.names):
        yield (
            f'{name}: position [{limits.lower[index]:.3f}, {limits.upper[index]:.3f}], '
            f'velocity {limits.velocity[index]:g}, '
            f'acceleration {limits.acceleration[index]:g}, jerk {limits.jerk[index]:g}'
        )
    rule = robot.collision
    if motion_filter.avoidance is None:
        yield 'collision checking: NONE, as collision.backend says'
    else:
        yield (
            f'collision checking: {rule.backend}, {rule.margin + rule.tracking:g} m kept, '
            f'{len(robot.scene.objects)} objects always there'
        )


def setup_of(deployment: Deployment, name: str, motion_filter: MotionFilter) -> Setup:
    """What has to be known to repeat a decision of this filter."""
    urdf, srdf = deployment.urdf_path.resolve(), deployment.srdf_path
    others = beside(deployment)
    files = [urdf, *([] if srdf is None else [srdf.resolve()]), *(one.urdf for one in others)]
    return Setup(
        deployment=name,
        robot=deployment.robot,
        robot_path=deployment.robot_path.resolve(),
        urdf=urdf,
        srdf=None if srdf is None else srdf.resolve(),
        others=others,
        digests={str(path): digest_of(path) for path in files},
        period_s=motion_filter.period_s,
        companions=motion_filter.oversight.watch.companions,
    )
