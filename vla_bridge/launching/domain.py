# SPDX-License-Identifier: Apache-2.0
"""Which ROS domain a graph talks in: the user's, or a free one that is ours while it runs.

DDS gives every domain 250 UDP ports. A domain is free when no socket of this machine holds one of
them, and is kept by holding one that no participant uses.
"""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vla_contract.errors import VlaError

FIRST_PORT, PORTS = 7400, 250
LOCK_PORT = 249
"""Within a domain's ports: DDS would give it to the 120th participant."""
DOMAINS = range(1, 101)
"""Above 101 the ports are those the system hands to anyone who asks."""
HIGHEST = 232
_PROFILES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Fast DDS has renamed the variable; either release reads its own."""


def users_domain() -> int | None:
    """The domain that the user chose, None if there is no choice, or an error that says why not."""
    text = os.environ.get('ROS_DOMAIN_ID', '')
    if not text:
        return None
    if not text.isdecimal() or int(text) > HIGHEST:
        raise VlaError(
            f'ROS_DOMAIN_ID={text} must be a whole number from 0 to {HIGHEST}; unset or mend it'
        )
    return int(text)


def look_here_too() -> None:
    """Look for others on this machine without multicast too: loopback seldom carries any."""
    os.environ.setdefault('ROS_STATIC_PEERS', '127.0.0.1')


def stay_local() -> None:
    """Keep discovery on this machine, unless the user said otherwise, and make it prompt.

    Two participants may miss each other's first words; by default the next come seconds later.
    """
    discovery = os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    if discovery != 'LOCALHOST':
        return
    look_here_too()
    if not any(name in os.environ for name in _PROFILES):
        from vla_bridge.resources import share

        profile = str(share() / 'config' / 'dds' / 'local.xml')
        os.environ.update(dict.fromkeys(_PROFILES, profile))


@contextmanager
def own_domain() -> Iterator[int]:
    """Choose a free domain on this machine alone, and hold it. The user's choice goes first."""
    stay_local()
    chosen = users_domain()
    if chosen is not None:
        yield chosen
        return
    busy = busy_domains()
    for domain in random.sample(
        [domain for domain in DOMAINS if domain not in busy], k=len(set(DOMAINS) - busy)
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lock:
            try:
                lock.bind(('127.0.0.1', FIRST_PORT + PORTS * domain + LOCK_PORT))
            except OSError:
                continue
            os.environ['ROS_DOMAIN_ID'] = str(domain)
            try:
                yield domain
            finally:
                os.environ.pop('ROS_DOMAIN_ID', None)
            return
    raise VlaError(
        f'every ROS domain from {DOMAINS[0]} to {DOMAINS[-1]} is in use on this machine; '
        'stop a graph, or choose one with ROS_DOMAIN_ID'
    )


def busy_domains() -> set[int]:
    """Domains that some program of this machine takes part in."""
    domains = {(port - FIRST_PORT) // PORTS for port in _udp_ports() if port >= FIRST_PORT}
    return {domain for domain in domains if domain <= DOMAINS[-1]}


def _udp_ports() -> set[int]:
    """UDP ports that sockets of this machine are bound to."""
    ports = set()
    for table in ('/proc/net/udp', '/proc/net/udp6'):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        ports |= {int(line.split()[1].rsplit(':', 1)[1], 16) for line in lines}
    return ports
