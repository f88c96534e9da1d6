"""Detection in bulk: parts that are there are not made again, and a cluster finds what one process finds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.detection.options import DetectOptions
from pydarknet.detection.results import Box, Detection
from pydarknet.errors import DataError, DeviceError, ImageError
from pydarknet.evaluate.run import Seen
from pydarknet.evaluate.run import detect_all as detect_here
from pydarknet.network import Network
from pydarknet.scale import Pool, Summary, detect, detect_all
from pydarknet.scale import cluster as cluster_module
from pydarknet.scale.parts import KINDS, Parts
from pydarknet.writers import open_writer
from tests.lib.toy_detector import NAMES, REGION, SMALL, random_parameters

DOG = Detection(1, "dog", 0.75, 0.75, Box(10.0, 8.0, 4.0, 3.0))
ABOUT = {"weights": "1"}


def seen(number: int, error: bool = False) -> Seen:
    path = f"/images/{number}.jpg"
    if error:
        return Seen(number, path, (0, 0), [], ImageError(f"{path}: is no image"))
    return Seen(number, path, (20, 16), [DOG] * (number % 3))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def whole(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("detections-*.jsonl")))


def fill(folder: Path, kind: str, numbers: range) -> None:
    with Parts(folder, kind, NAMES, ABOUT, size=4) as parts:
        for number in numbers:
            if seen(number).path not in parts.done:
                parts.add(seen(number, error=number == 5))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_cut_off_goes_on_to_the_same_files(kind: str, tmp_path: Path) -> None:
    """Nothing is in two files, whether a run ended between two parts, within one, or within the manifest's line."""
    fill(tmp_path / "one", kind, range(12))
    expected = content(tmp_path / "one")
    fill(tmp_path / "two", kind, range(8))
    manifest = tmp_path / "two" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    for left in (lines, lines[:2], [*lines[:2], lines[2][:7]], lines[:1], [lines[0][:5]], []):
        manifest.write_bytes(b"".join(left))
        fill(tmp_path / "two", kind, range(12))
        if kind != "parquet":
            assert content(tmp_path / "two") == expected
    assert [json.loads(line)["path"] for line in expected["failed.jsonl"].splitlines()] == ["/images/5.jpg"]


def test_parts_of_coco_are_one_file_in_the_end(tmp_path: Path) -> None:
    fill(tmp_path / "parts", "coco", range(12))
    with open_writer("coco", tmp_path / "one.json", NAMES) as writer:
        for number in range(12):
            if number != 5:
                writer.write(seen(number).path, (20, 16), seen(number).detections)
    assert (tmp_path / "parts" / "coco_results.json").read_bytes() == (tmp_path / "one.json").read_bytes()


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "jsonl", range(4))
    with pytest.raises(DataError, match=r"manifest\.jsonl: is of a run with weights 1, not 2; choose another"):
        Parts(tmp_path, "jsonl", NAMES, {"weights": "2"})
    with pytest.raises(DataError, match="expected one of jsonl, parquet, coco, csv, found 'xml'"):
        Parts(tmp_path, "xml", NAMES, ABOUT)
    (tmp_path / "manifest.jsonl").write_text("{}\n[]\n")
    with pytest.raises(DataError, match="is damaged"):
        Parts(tmp_path, "jsonl", NAMES, ABOUT)


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match=r"needs Ray \(.*\): pip install 'pydarknet\[ray\]'"):
        list(detect_all(random_parameters(SMALL + REGION, 3), ["a.jpg"]))


@pytest.mark.filterwarnings("default")
def test_without_a_cluster() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeviceError, match=rf"no Ray cluster at 127\.0\.0\.1:{port}: .* start one with `ray start"):
        list(detect_all(random_parameters(SMALL + REGION, 3), ["a.jpg"], pool=Pool(f"127.0.0.1:{port}")))


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"", None])
@pytest.mark.parametrize("auto", [False, True])
def test_what_answers_is_no_cluster(answer: bytes | None, auto: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another service, one that hangs up, and one that says nothing."""
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        accepted = []

        def serve() -> None:
            accepted.append(server.accept()[0])
            if answer is not None:
                accepted[0].recv(1000)
                accepted[0].sendall(answer)
                accepted[0].close()

        thread = Thread(target=serve)
        thread.start()
        with pytest.raises(DeviceError, match=rf"no Ray cluster at {address}.*: (something else|timed out)"):
            list(detect_all(random_parameters(SMALL + REGION, 3), ["a.jpg"], pool=Pool("auto" if auto else address)))
        thread.join()
        accepted[0].close()


@pytest.fixture(scope="module")
def net() -> Network:
    found = random_parameters(SMALL + REGION, 3)
    found.names = NAMES
    return found


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The twentieth is none."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(1)
    for i in range(300):
        image = cv2.resize(rng.integers(0, 256, (3, 4, 3), np.uint8), (80, 60))
        cv2.imwrite(str(folder / f"{i:03d}.jpg"), image)
    (folder / "020.jpg").write_bytes(b"nonsense")
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers on this machine, for all tests of this file."""
    from pydarknet.scale.cluster import connected

    with connected("local") as ray:
        yield ray


THRESH = DetectOptions(0.4)
POOL = Pool(actors=2)


def expected(net: Network, images: list[str], file: Path) -> bytes:
    """The file of one process."""
    with open_writer("jsonl", file, NAMES) as writer:
        for each in detect_here(net, images, options=THRESH):
            if each.error is None:
                writer.write(each.path, each.size, each.detections)
    return file.read_bytes()


def workers() -> Iterator[int]:
    """The processes of the actors."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (place / "cmdline").read_bytes().startswith(b"ray::Actor"):
                yield int(place.name)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_finds_what_one_process_finds(
    net: Network, images: list[str], cluster: Any, tmp_path: Path
) -> None:
    """Also where a worker is killed in the middle; a second run does nothing."""
    killed: list[int] = []

    def kill(each: Seen) -> None:
        if not killed:
            killed.append(next(worker for worker in workers()))
            os.kill(killed[0], signal.SIGKILL)

    out = tmp_path / "out"
    assert detect(images, net, out, options=THRESH, pool=POOL, part=100, seen=kill) == Summary(300, 0, 1)
    assert killed
    assert whole(out) == expected(net, images, tmp_path / "one.jsonl")
    before = content(out)
    assert detect(images, net, out, options=THRESH, part=100, pool=Pool("nowhere:1")) == Summary(300, 300, 1)
    assert content(out) == before


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_tables_of_paths_and_of_contents(net: Network, images: list[str], cluster: Any, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    few = images[:40]
    tables = {
        "paths": {"path": few, "other": list(range(40))},
        "contents": {"path": few, "bytes": [Path(path).read_bytes() for path in few]},
    }
    for name, columns in tables.items():
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{name}.parquet")
        found = detect(tmp_path / f"{name}.parquet", net, tmp_path / name, options=THRESH, pool=POOL)
        assert found == Summary(40, 0, 1)
    assert whole(tmp_path / "paths") == whole(tmp_path / "contents") == expected(net, few, tmp_path / "one.jsonl")
    parquet.write_table(pyarrow.table({"file": few}), tmp_path / "wrong.parquet")
    with pytest.raises(DataError, match=r"expected a column path .*, found file"):
        detect(tmp_path / "wrong.parquet", net, tmp_path / "wrong", pool=POOL)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_images_at_addresses(net: Network, images: list[str], cluster: Any, tmp_path: Path) -> None:
    """As of S3, by Ray Data's own readers; beside others that are paths, which come first."""
    folder = tmp_path / "at"
    folder.mkdir()
    for path in images[:20]:
        shutil.copy(path, folder)
    (folder / "notes.txt").write_text("no image")
    found = detect([f"file://{folder}", *images[20:30]], net, tmp_path / "out", options=THRESH, pool=POOL)
    assert found == Summary(30, 0, 1)
    lines = [json.loads(line) for line in whole(tmp_path / "out").splitlines()]
    theirs = [json.loads(line) for line in expected(net, images[:30], tmp_path / "one.jsonl").splitlines()]
    wanted = [line["objects"] for line in theirs[20:] + theirs[:20]]
    assert [line["objects"] for line in lines] == wanted
    with pytest.raises(DataError, match=r"nowhere.*: can't be read: "):
        detect(f"file://{tmp_path}/nowhere", net, tmp_path / "none", pool=POOL)


@pytest.fixture(scope="module")
def toy(images: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, and a validation list of fifteen of the images with labels."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "net.cfg").write_text(SMALL + REGION)
    random_parameters(SMALL + REGION, 3).save_weights(folder / "net.weights")
    (folder / "valid.txt").write_text("".join(f"{path}\n" for path in images[:15]))
    for path in images[:15]:
        Path(path).with_suffix(".txt").write_text("1 .5 .5 .4 .4\n")
    (folder / "toy.data").write_text("classes=3\nvalid=valid.txt\nresults=results\neval=coco\n")
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("words", "file"),
    [(["valid"], "results/coco_results.json"), (["map", "--json", "map.json"], "map.json")],
    ids=["valid", "map"],
)
def test_the_same_figures_on_a_cluster(
    words: list[str], file: str, toy: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(toy)
    found = []
    for more in ([], ["--ray"]):
        command = ["detector", words[0], "toy.data", "net.cfg", "net.weights", *words[1:]]
        assert main([*command, "-thresh", "0.4", "--quiet", *more]) == 0
        found.append((Path(file).read_bytes(), capsys.readouterr().out))
    assert found[0] == found[1]
    assert len(found[0][0]) > 1000


@pytest.mark.slow
def test_a_cluster_of_other_processes(net: Network, images: list[str], toy: Path, tmp_path: Path) -> None:
    """`ray start --head`, and `--ray ADDRESS`; `--ray` alone starts another one beside it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(Path(__file__).parents[2])}
    head = ["start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2",
            "--min-worker-port=0", "--max-worker-port=0", "--include-dashboard=false"]  # fmt: skip
    words = ["-m", "pydarknet", "detect", f"{toy}/net.cfg", f"{toy}/net.weights", *images[:40], "-thresh", "0.4"]
    with subprocess.Popen([sys.executable, "-m", "ray.scripts.scripts", *head], env=environment, cwd=tmp_path,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ray:  # fmt: skip
        try:
            assert ray.stdout is not None
            assert any("Ray runtime started" in line for line in ray.stdout)
            for name, address in (("theirs", [f"127.0.0.1:{port}"]), ("own", [])):
                command = [sys.executable, *words, "--out", f"{tmp_path}/{name}", "--ray", *address]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
                assert done.returncode == 1, done.stderr
                assert "40 images, 1 could not be read" in done.stderr
        finally:
            ray.terminate()
    assert whole(tmp_path / "theirs") == whole(tmp_path / "own")
    objects = [
        [json.loads(line)["objects"] for line in content.splitlines()]
        for content in (whole(tmp_path / "own"), expected(net, images[:40], tmp_path / "1.jsonl"))
    ]
    places = [[[each["relative_coordinates"] for each in image] for image in found] for found in objects]
    assert places[0] == places[1]
