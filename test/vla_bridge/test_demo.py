# SPDX-License-Identifier: Apache-2.0
"""`vla demo` as a user runs it: separate processes, real DDS, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest

from vla_bridge import topics
from vla_bridge.recording.episode import Episode

COMMAND = [sys.executable, '-m', 'vla_bridge.cli.main', 'demo']


@pytest.fixture
def without_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo choose its domain itself."""
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)


@pytest.mark.graph
@pytest.mark.usefixtures('without_domain')
def test_demo_carries_out_an_instruction_and_leaves_video_plot_bag_and_summary(
    tmp_path: Path,
) -> None:
    """Exit code 0 means: the simulator says it is done, and every node stopped cleanly."""
    folder = tmp_path / 'run'
    done = subprocess.run(
        [*COMMAND, '--deployment', 'sim_demonstrator', '--seed', '1', '--out', str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'reads ground truth' in done.stdout
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['success']
    assert set(summary['exits'].values()) == {0}
    assert (folder / 'plot.png').stat().st_size > 50_000
    with av.open(str(folder / 'video.mp4')) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
        assert sum(1 for _ in video.decode(stream)) > 30
    with Episode(folder / 'bag') as episode:
        counts = episode.topics
        truth = [message for _, _, message in episode.messages(topics.GROUND_TRUTH)]
    assert truth[-1].success
    assert counts['/joint_states'] > 100
    assert counts['/scene_camera/image_raw'] > 30


@pytest.mark.graph
@pytest.mark.usefixtures('without_domain')
def test_a_post_in_the_way_holds_the_arm_and_is_named(tmp_path: Path) -> None:
    """The demonstrator does not know of it; the safety node slows, holds and explains."""
    folder = tmp_path / 'run'
    done = subprocess.run(
        [*COMMAND, '--scene', 'cluttered', '--no-video', '--out', str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (attempt,) = json.loads((folder / 'summary.json').read_text())['attempts']
    assert attempt['outcome'] == 'HELD'
    assert 'from post; 10 mm are kept' in attempt['message']
    with Episode(folder / 'bag') as episode:
        status = [m for _, _, m in episode.messages(topics.SAFETY_STATUS)]
    assert min(message.min_clearance for message in status) > 0.009
    assert min(message.speed_scale for message in status) < 0.5


@pytest.mark.graph
@pytest.mark.usefixtures('without_domain')
def test_ctrl_c_while_the_nodes_start_leaves_nothing_running(tmp_path: Path) -> None:
    """Some nodes are up, some still import; all end, and the exit code says why."""
    with subprocess.Popen(
        [*COMMAND, '--out', str(tmp_path / 'run')], stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any('waiting for the nodes' in line for line in demo.stdout)
        time.sleep(0.5)
        nodes = psutil.Process(demo.pid).children(recursive=True)
        os.kill(demo.pid, signal.SIGINT)
        said = demo.stdout.read()
        assert demo.wait(30) == 128 + signal.SIGINT
    assert 'nothing is left running' in said
    assert len(nodes) >= 6
    assert not psutil.wait_procs(nodes, timeout=5)[1]
