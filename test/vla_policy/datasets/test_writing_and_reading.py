# SPDX-License-Identifier: Apache-2.0
"""What is written to a dataset is read back, and nothing that is there is ever lost."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from vla_contract.errors import VlaError
from vla_policy.datasets import assembly, layout
from vla_policy.datasets.reader import Dataset
from vla_policy.datasets.spec import Codec, DatasetSpec, ImageFeature, VectorFeature
from vla_policy.datasets.staged import EpisodeWriter, Frame
from vla_policy.datasets.video import VideoReader
from vla_policy.datasets.writer import STAGING, DatasetWriter

WRIST, SCENE = 'observation.images.wrist', 'observation.images.scene'
LENGTHS = (11, 23, 5)


def spec(codec: Codec = Codec.H264, fps: int = 20) -> DatasetSpec:
    """Two joints, a gripper, two cameras, and whether somebody meddled."""
    return DatasetSpec(
        fps,
        'small_arm',
        (
            VectorFeature(layout.STATE, ('lift', 'turn', 'gripper')),
            VectorFeature(layout.ACTION, ('lift', 'turn', 'gripper')),
            VectorFeature('disturbed', ('disturbed',), 'bool'),
        ),
        (ImageFeature(WRIST, 32, 24), ImageFeature(SCENE, 48, 32)),
        codec,
    )


def frame(episode: int, number: int) -> Frame:
    """Numbers that tell where they belong, and a picture of one colour that does, too."""
    state = np.array([episode, number, 0.5])
    colour = np.array([(40 * episode) % 256, (10 * number) % 256, 90], np.uint8)
    return {
        layout.STATE: state,
        layout.ACTION: state + 100.0,
        'disturbed': np.array([number % 2 == 1]),
        WRIST: np.tile(colour, (24, 32, 1)),
        SCENE: np.tile(colour[::-1], (32, 48, 1)),
    }


def write(folder: Path, codec: Codec = Codec.H264, lengths: Sequence[int] = LENGTHS) -> Path:
    """A dataset of a few episodes."""
    writer = DatasetWriter(folder, spec(codec))
    for episode, length in enumerate(lengths):
        for number in range(length):
            writer.add_frame(frame(episode, number), f'task {episode % 2}')
        writer.save_episode({'attempt': str(episode)})
    writer.finish()
    return folder


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that tests only read."""
    return write(tmp_path_factory.mktemp('written') / 'dataset')


@pytest.mark.parametrize('codec', [Codec.H264, Codec.PNG])
def test_every_frame_is_read_back_in_any_order(tmp_path: Path, codec: Codec) -> None:
    """Exactly as PNG, within the codec's loss as video."""
    dataset = Dataset(write(tmp_path / 'd', codec), rows=3)
    assert len(dataset) == sum(LENGTHS)
    order = np.random.default_rng(0).permutation(len(dataset))
    loss = 0 if codec is Codec.PNG else 12
    for index in map(int, order):
        sample = dataset[index]
        number = index - dataset.episodes[sample.episode].first
        wanted = frame(sample.episode, number)
        np.testing.assert_array_equal(sample.state, wanted[layout.STATE])
        np.testing.assert_array_equal(sample.actions[0], wanted[layout.ACTION])
        assert sample.task == f'task {sample.episode % 2}'
        assert sample.images.keys() == {WRIST, SCENE}
        for key, image in sample.images.items():
            assert image.dtype == np.uint8
            apart = image.astype(int) - wanted[key].astype(int)
            assert np.abs(apart).max() <= loss, (key, index)


def test_videos_of_lerobot_are_read(tmp_path: Path) -> None:
    """Theirs are AV1, with frames that refer to later ones."""
    path = tmp_path / 'theirs.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libsvtav1', rate=20)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, 'yuv420p'
        stream.options = {'g': '2', 'crf': '30', 'preset': '12'}
        for number in range(12):
            pixels = np.full((64, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')))
        container.mux(stream.encode(None))
    with VideoReader(path, 20) as video:
        for number in (7, 2, 3, 11, 0):
            assert abs(int(video.frame(number).mean()) - 20 * number) <= 6
        with pytest.raises(VlaError, match=r'theirs\.mp4: has no frame 12'):
            video.frame(12)
    with pytest.raises(VlaError, match='av1 is read, not written'):
        EpisodeWriter(tmp_path / 'e', spec(Codec.AV1))


def test_actions_stop_at_the_end_of_the_episode(written: Path) -> None:
    """Rows past it repeat the last one and do not count."""
    dataset = Dataset(written, rows=4)
    last = LENGTHS[0] - 1
    actions, valid = dataset.chunk(last - 1)
    assert valid.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(actions[:, 1], 100.0 + np.array([last - 1, last, last, last]))


def test_history_begins_with_the_episode(written: Path) -> None:
    """Nothing of the episode before."""
    dataset, first = Dataset(written), LENGTHS[0]
    assert dataset.history(first + 1, 4).tolist() == [first, first, first, first + 1]
    assert dataset.history(first + 9, 3).tolist() == [first + 7, first + 8, first + 9]


def test_columns_and_labels_are_there(written: Path) -> None:
    """Also those that only this dataset has."""
    dataset = Dataset(written)
    assert dataset.column('disturbed')[:4].ravel().tolist() == [0.0, 1.0, 0.0, 1.0]
    assert [episode.labels for episode in dataset.episodes] == [
        {'attempt': str(number)} for number in range(3)
    ]
    assert [episode.length for episode in dataset.episodes] == list(LENGTHS)
    assert dataset.tasks == {0: 'task 0', 1: 'task 1'}
    with pytest.raises(VlaError, match=r'no numbers called torque; it has observation\.state'):
        dataset.column('torque')


def test_folder_is_as_the_format_has_it(written: Path) -> None:
    """Paths, keys, row groups and added columns of version 3.0."""
    files = {str(path.relative_to(written)) for path in written.rglob('*') if path.is_file()}
    assert files == {
        'meta/info.json',
        'meta/stats.json',
        'meta/tasks.parquet',
        'meta/episodes/chunk-000/file-000.parquet',
        'data/chunk-000/file-000.parquet',
        f'videos/{WRIST}/chunk-000/file-000.mp4',
        f'videos/{SCENE}/chunk-000/file-000.mp4',
    }
    info = json.loads((written / layout.INFO).read_text())
    assert (info['codebase_version'], info['fps'], info['total_frames']) == ('v3.0', 20, 39)
    assert info['splits'] == {'train': '0:3'}
    assert info['features'][WRIST]['shape'] == [24, 32, 3]
    data = pq.ParquetFile(written / layout.data_path(0))
    assert data.num_row_groups == len(LENGTHS)
    assert data.metadata.row_group(0).column(0).compression == 'SNAPPY'
    assert set(layout.ADDED) < set(data.schema_arrow.names)
    table = data.read()
    assert table.column('index').to_pylist() == list(range(39))
    assert table.column('timestamp')[12].as_py() == pytest.approx(1 / 20)
    tasks = pq.read_table(written / layout.TASKS)
    assert json.loads(tasks.schema.metadata[b'pandas'])['index_columns'] == ['task']
    episode = pq.read_table(written / layout.episodes_path(0)).to_pylist()[1]
    assert (episode['dataset_from_index'], episode['dataset_to_index']) == (11, 34)
    assert episode[f'videos/{WRIST}/from_timestamp'] == pytest.approx(11 / 20)
    assert len(episode[f'stats/{WRIST}/mean']) == 3
    assert episode['stats/action/count'] == [23]


def test_statistics_are_of_all_frames(written: Path) -> None:
    """Merged, not averaged over episodes of different lengths."""
    dataset = Dataset(written)
    stats, actions = dataset.stats()[layout.ACTION], dataset.column(layout.ACTION)
    np.testing.assert_allclose(stats['mean'], actions.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(stats['std'], actions.std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(stats['max'], actions.max(axis=0))
    assert stats['count'] == [39]
    assert np.array(dataset.stats()[SCENE]['q50']).shape == (3, 1, 1)


def test_same_frames_same_bytes(written: Path, tmp_path: Path) -> None:
    """A dataset can be made again and compared, pictures included."""
    again = write(tmp_path / 'again')
    for path in (p for p in written.rglob('*') if p.is_file()):
        assert path.read_bytes() == (again / path.relative_to(written)).read_bytes(), path


def test_full_files_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and pictures each by their own size."""
    monkeypatch.setattr(layout, 'VIDEO_FILE_MB', 0.001)
    monkeypatch.setattr(layout, 'DATA_FILE_MB', 0.0001)
    folder = write(tmp_path / 'd')
    assert len(list(folder.glob(f'videos/{WRIST}/*/*.mp4'))) == 3
    assert len(list(folder.glob('data/*/*.parquet'))) == 3
    dataset = Dataset(folder)
    sample = dataset[len(dataset) - 1]
    assert abs(int(sample.images[WRIST][0, 0, 0]) - 80) <= 12
    assert sample.state.tolist() == [2.0, 4.0, 0.5]


def test_what_was_begun_is_finished_by_the_next_run(tmp_path: Path, written: Path) -> None:
    """A run that was killed in its second episode leaves the first one whole."""
    folder = tmp_path / 'd'
    killed = DatasetWriter(folder, spec())
    for number in range(LENGTHS[0]):
        killed.add_frame(frame(0, number), 'task 0')
    killed.save_episode({'attempt': '0'})
    killed.add_frame(frame(9, 9), 'never saved')
    with pytest.raises(VlaError, match='no dataset, or an unfinished one'):
        Dataset(folder)
    writer = DatasetWriter(folder, spec())
    for episode in (1, 2):
        for number in range(LENGTHS[episode]):
            writer.add_frame(frame(episode, number), f'task {episode % 2}')
        writer.save_episode({'attempt': str(episode)})
    writer.finish()
    for path in (layout.data_path(0), layout.STATS):
        assert (folder / path).read_bytes() == (written / path).read_bytes()
    assert not (folder / STAGING).exists()


def test_a_run_that_was_killed_while_joining_is_joined_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a dataset is never taken for a whole one."""

    def fail(*_: object) -> None:
        raise OSError('no space left')

    with monkeypatch.context() as broken:
        broken.setattr(assembly, '_write_meta', fail)
        with pytest.raises(OSError, match='no space'):
            write(tmp_path / 'd')
    with pytest.raises(VlaError, match='unfinished'):
        Dataset(tmp_path / 'd')
    DatasetWriter(tmp_path / 'd', spec()).finish()
    assert len(Dataset(tmp_path / 'd')) == sum(LENGTHS)


def test_nothing_is_overwritten(written: Path, tmp_path: Path) -> None:
    """Neither a dataset, nor somebody's folder, nor what another recipe began."""
    with pytest.raises(VlaError, match='is a finished dataset'):
        DatasetWriter(written, spec())
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'cat.jpg').touch()
    with pytest.raises(VlaError, match=r'is not empty: cat\.jpg'):
        DatasetWriter(tmp_path / 'photos', spec())
    DatasetWriter(tmp_path / 'begun', spec(), {'seed': 1})
    with pytest.raises(VlaError, match='was begun with fps 20, and now it is 10'):
        DatasetWriter(tmp_path / 'begun', spec(fps=10))
    with pytest.raises(VlaError, match='was begun with seed 1, and now it is 2'):
        DatasetWriter(tmp_path / 'begun', spec(), {'seed': 2})
    with pytest.raises(VlaError, match='no episodes'):
        DatasetWriter(tmp_path / 'empty', spec()).finish()


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'action': np.zeros(2)}, r'action: shape \(2,\); the dataset has 3 columns: lift, turn'),
        ({'action': np.array([0.0, np.nan, 0.0])}, 'is not finite'),
        ({WRIST: np.zeros((2, 2, 3), np.uint8)}, r'uint8 \(2, 2, 3\); the dataset has uint8'),
        ({'torque': np.zeros(1)}, 'missing or unknown features: torque'),
    ],
    ids=['columns', 'nan', 'size', 'unknown'],
)
def test_a_frame_that_does_not_fit_is_refused(tmp_path: Path, change: Frame, said: str) -> None:
    """The error names the frame, the feature, and both sides."""
    writer = DatasetWriter(tmp_path / 'd', spec())
    with pytest.raises(VlaError, match=said):
        writer.add_frame({**frame(0, 0), **change}, 'task')


def test_broken_datasets_are_refused_with_the_file(tmp_path: Path) -> None:
    """Another version, a missing file, frames that were lost, a video that is none."""
    folder = write(tmp_path / 'd')
    info = json.loads((folder / layout.INFO).read_text())
    (folder / layout.INFO).write_text(json.dumps({**info, 'codebase_version': 'v2.1'}))
    with pytest.raises(VlaError, match=r'codebase_version: v2\.1; v3\.0 is read here'):
        Dataset(folder)
    (folder / layout.INFO).write_text(json.dumps({**info, 'total_frames': 40}))
    with pytest.raises(VlaError, match='tells of 40 frames, the episodes of 39'):
        Dataset(folder)
    (folder / layout.INFO).write_text(json.dumps(info))
    video = folder / layout.video_path(WRIST, 0)
    video.write_bytes(b'no video')
    with pytest.raises(VlaError, match=r'file-000\.mp4: cannot be read as a video'):
        Dataset(folder).image(WRIST, 0)
    data = folder / layout.data_path(0)
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(VlaError, match=r'data/chunk-000/file-000\.parquet: cannot be read'):
        Dataset(folder)


def test_a_feature_that_the_format_cannot_name_is_refused() -> None:
    """Before anything is written."""
    with pytest.raises(VlaError, match='have no "/"'):
        DatasetSpec(20, 'arm', (VectorFeature('a/b', ('x',)),), ())
    with pytest.raises(VlaError, match='h264 needs even numbers'):
        DatasetSpec(20, 'arm', (), (ImageFeature('observation.images.a', 31, 24),))


def test_a_dataset_goes_to_another_process(written: Path) -> None:
    """Its open videos stay behind."""
    dataset = Dataset(written)
    before = dataset[3]
    sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301 (as processes do among themselves)
    np.testing.assert_array_equal(sent[3].images[WRIST], before.images[WRIST])
