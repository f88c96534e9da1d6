"""Images from the web and tensors of PyTorch, through the one door that every image comes in by."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pydarknet.errors import ImageError
from pydarknet.images import address
from pydarknet.images.open_image import is_single, open_image, path_of
from pydarknet.images.sources import load
from tests.lib.cli_nets import write_picture
from tests.lib.file_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_an_address(server: Server, tmp_path: Path) -> None:
    file = write_picture(tmp_path / "a.png")
    url = server.url("/a.png", content=file.read_bytes())
    expected = cv2.imread(str(file))
    np.testing.assert_array_equal(open_image(url), expected)
    np.testing.assert_array_equal(load(url, 3), expected)
    assert is_single(url)
    assert path_of(url) is None


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ({"status": 404}, "HTTP 404"),
        ({"content": b"<html>"}, r"not an image of a known format.*pydarknet demo plays streams"),
        ({"content": bytes(3000)}, "sends more than 2000 bytes"),
        ({"cuts": [10]}, "the connection was cut after 10 of"),
    ],
)
def test_what_can_go_wrong(server: Server, behaviour, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "MOST", 2000)
    if "cuts" in behaviour:
        behaviour = {"content": bytes(100), **behaviour}
    with pytest.raises(ImageError, match=message):
        open_image(server.url("/x?token=secret", **behaviour))


def test_who_sends_too_slowly(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 40))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with pytest.raises(ImageError, match="in 60 s, and isn't waited for"):
        open_image(server.url("/slow"))


def test_secrets_stay_out_of_messages() -> None:
    with pytest.raises(ImageError) as caught:
        open_image("http://me:secret@127.0.0.1:9/a.jpg")
    assert "secret" not in str(caught.value)


class Tensor:
    """As much of a tensor of PyTorch as is needed."""

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.shape, self.ndim = array, array.shape, array.ndim

    def __iter__(self) -> Iterator[Tensor]:
        return map(Tensor, self._array)

    def detach(self) -> Tensor:
        return self

    cpu = detach

    def numpy(self) -> np.ndarray:
        return self._array


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(Tensor=Tensor))


@pytest.mark.usefixtures("torch")
def test_a_tensor_is_rgb_channels_first() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    tensor = Tensor(image[:, :, ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(open_image(tensor), image)
    shares = Tensor(tensor.numpy().astype(np.float32) / 255)
    np.testing.assert_array_equal(open_image(shares), image)
    assert is_single(tensor)
    batch = Tensor(np.stack([tensor.numpy()] * 2))
    assert not is_single(batch)
    np.testing.assert_array_equal([open_image(each) for each in batch], [image] * 2)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30), (1, 3, 20, 30)])
def test_other_tensors_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"expected a tensor of shape \(channels, height, width\)"):
        open_image(Tensor(np.zeros(shape, np.uint8)))
