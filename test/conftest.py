# SPDX-License-Identifier: Apache-2.0
"""What tests share: a ROS domain of their own, and the order in which tests run."""

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from rclpy.context import Context

CHECKOUT = Path(__file__).parent.parent
FIRST_DOMAIN = 1  # 0 is everybody's
LAST_DOMAIN = 101  # above it, ports of DDS meet those the kernel gives away
DISCOVERY_PORT = 7410  # of the first participant in domain 0
PORTS_PER_DOMAIN = 250
# Never the same twice in a row: what still shuts down after a test is not met by the next.
CANDIDATES = itertools.cycle(range(FIRST_DOMAIN, LAST_DOMAIN + 1))


settings.register_profile('shared machine', deadline=None)
settings.load_profile('shared machine')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of whole process graphs after all others."""
    items.sort(key=lambda item: item.get_closest_marker('graph') is not None)


@pytest.fixture
def ros_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A ROS domain that no other test on this machine uses, also for processes the test starts."""
    with claim_domain() as claim:
        domain = int(claim.getsockname().rpartition(b'-')[2])
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        # As vla_bridge.launching.domain does, so that participants do not meet seconds late.
        monkeypatch.setenv('ROS_STATIC_PEERS', '127.0.0.1')
        for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
            monkeypatch.setenv(name, str(CHECKOUT / 'config' / 'dds' / 'local.xml'))
        monkeypatch.delenv('ROS_LOCALHOST_ONLY', raising=False)
        monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'ros_log'))
        yield domain


@pytest.fixture
def ros_context(ros_domain: int) -> Iterator['Context']:
    """An initialised rclpy context in a domain of its own, shut down after the test."""
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(args=[], context=context, domain_id=ros_domain)
    yield context
    context.try_shutdown()


def claim_domain() -> socket.socket:
    """Take a free domain; it is ours until the socket is closed, or this process ends.

    An abstract Unix socket says so to other tests: like DDS, it is seen in the network namespace.
    """
    for _ in range(FIRST_DOMAIN, LAST_DOMAIN + 1):
        domain = next(CANDIDATES)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f'\0vla-control-domain-{domain}')
            check_unused(domain)
        except OSError:
            claim.close()
        else:
            return claim
    raise RuntimeError(f'every ROS domain from {FIRST_DOMAIN} to {LAST_DOMAIN} is in use')


def check_unused(domain: int) -> None:
    """Raise OSError if some program, of whatever kind, takes part in a domain."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('', DISCOVERY_PORT + PORTS_PER_DOMAIN * domain))
