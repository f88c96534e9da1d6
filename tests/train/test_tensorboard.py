"""What TensorBoard is given, read back from its files."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from pydarknet.cli.main import main
from pydarknet.errors import ExportError
from pydarknet.train.logs import LogFile
from pydarknet.train.metrics import Metrics
from pydarknet.train.tensorboard import TAGS, TensorBoard
from tests.lib.full_disk import small_files
from tests.lib.toy_training import make


def events(folder: Path) -> list[Event]:
    """All records of all files: length (8), its checksum (4), data, checksum (4)."""
    found = []
    for file in sorted(folder.iterdir()):
        data, start = file.read_bytes(), 0
        while start < len(data):
            (length,) = struct.unpack_from("<Q", data, start)
            found.append(Event.FromString(data[start + 12 : start + 12 + length]))
            start += length + 16
    return found


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    result: dict[str, dict[int, float]] = {}
    for event in events(folder):
        for value in event.summary.value:
            result.setdefault(value.tag, {})[event.step] = value.simple_value
    return result


def metrics(iteration: int, **more: float) -> Metrics:
    return Metrics(iteration, 4 * iteration, 2.0, 3.0, 0.01, 0.5, 8.0, 32, 32, **more)  # type: ignore[arg-type]


def test_scalars(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    board.add(metrics(1, coord_loss=0.5))
    board.add(metrics(2, map=0.75))
    board.close()
    found = scalars(tmp_path)
    assert found["loss/batch"] == {1: 2.0, 2: 2.0}
    assert found["loss/coord"] == {1: 0.5}
    assert found["valid/score"] == {2: 0.75}
    assert found["training/rate"][1] == pytest.approx(0.01)
    assert "boxes/iou" not in found
    assert set(TAGS) <= set(Metrics.__dataclass_fields__)


def test_a_resumed_run_hides_what_it_repeats(tmp_path: Path) -> None:
    TensorBoard(tmp_path / "new").close()
    TensorBoard(tmp_path / "resumed", kept=7).close()
    starts = [event.step for event in events(tmp_path / "resumed") if event.session_log.status]
    assert starts == [8]
    assert not [event for event in events(tmp_path / "new") if event.session_log.status]


def test_a_run_resumed_within_a_second_keeps_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1.8e9)
    for iteration, kept in ((1, 0), (2, 1)):
        board = TensorBoard(tmp_path, kept)
        board.add(metrics(iteration))
        board.close()
    assert sorted(scalars(tmp_path)["loss/batch"]) == [1, 2]


def test_a_full_disk_loses_whole_rows(tmp_path: Path) -> None:
    """Of TensorBoard's records and of the log's rows; the loss is said once, and counted."""
    said: list[str] = []
    board, log = TensorBoard(tmp_path / "board", warn=said.append), LogFile(tmp_path / "log.jsonl", warn=said.append)
    board.add(metrics(1))
    log.add(metrics(1))
    (file,) = (tmp_path / "board").iterdir()
    whole = file.stat().st_size, (tmp_path / "log.jsonl").stat().st_size
    with small_files(whole[0] + 40):
        for iteration in range(2, 30):
            board.add(metrics(iteration))
    with small_files(whole[1] + 40):
        log.add(metrics(2))
        log.add(metrics(3))
    assert [text.partition(": ")[2][:13] for text in said] == ["a row is lost"] * 2
    board.add(metrics(30))
    log.add(metrics(30))
    board.close()
    log.close()
    assert sorted(scalars(tmp_path / "board")["loss/batch"]) in ([1, 30], [1, 2, 30])
    assert [json.loads(line)["iteration"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 30]
    assert said[-1] == f"{tmp_path / 'log.jsonl'}: 2 rows in all could not be written"


def test_the_command(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    words = ["train", str(data), str(cfg), "--quiet", "--no-chart", "--tensorboard", str(tmp_path / "board")]
    assert main([*words, "--max-batches", "3"]) == 0
    assert main([*words, "--max-batches", "5", "--resume"]) == 0
    assert list(scalars(tmp_path / "board")["loss/mean"]) == [1, 2, 3, 4, 5]


def test_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    data, cfg = make(tmp_path)
    assert main(["train", str(data), str(cfg), "--tensorboard", str(tmp_path / "board")]) == 2
    assert "pip install 'pydarknet[tensorboard]'" in capsys.readouterr().err
    assert not list((tmp_path / "backup").iterdir())


def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="can't be written"):
        TensorBoard(tmp_path / "file" / "board")
