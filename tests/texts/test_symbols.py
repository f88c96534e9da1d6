"""Texts and files of tokens as users bring them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet import CfgError, DataError, Network
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.texts.symbols import check_text_network, numbers_of, printed, read_characters, read_names, read_tokens
from tests.lib import nets
from tests.texts.nets import cfg

BAD_TEXTS = {
    b"": "holds 0 bytes; expected at least 2",
    b"a": "holds 1 bytes; expected at least 2",
    b"ab\0cd": "byte 3 is zero; expected a text file",
    b"abc\xe4d": r"byte 4 is 228, the network has inputs for 0 to 127; set inputs=",
}
BAD_TOKENS = {
    b"": "holds 0 numbers",
    b"1 2 three 4": "number 3: expected the number of a token, found 'three'",
    b"1 2.5": "number 2: expected the number of a token, found '2.5'",
    b"1 -2 3": "number 2 is -2, the network has inputs for 0 to 127",
    b"1 128": "number 2 is 128",
    b"1 99999999999999999999": "number 2: expected",
}


@pytest.mark.parametrize("data", BAD_TEXTS)
def test_texts_that_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(DataError, match=rf"a\.txt: {BAD_TEXTS[data]}"):
        read_characters(tmp_path / "a.txt", 128)


@pytest.mark.parametrize("data", BAD_TOKENS)
def test_tokens_that_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(DataError, match=rf"a\.txt: {BAD_TOKENS[data]}"):
        read_tokens(tmp_path / "a.txt", 128)


def test_missing_files(tmp_path: Path) -> None:
    for read in (read_characters, read_tokens):
        with pytest.raises(DataError, match=r"no\.txt: can't be read"):
            read(tmp_path / "no.txt", 256)


def test_characters_are_bytes_and_tokens_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("ä b\n".encode())
    assert read_characters(tmp_path / "a.txt", 256).tolist() == [0xC3, 0xA4, 32, 98, 10]
    (tmp_path / "b.txt").write_bytes(b" 3 0\n127\t+5 ")
    assert read_tokens(tmp_path / "b.txt", 128).tolist() == [3, 0, 127, 5]


def test_names_of_tokens(tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"the\n<NEWLINE>\n")
    names = read_names(tmp_path / "names")
    assert b"".join(printed(i, names) for i in (0, 1, 0)) == b"the \n the "
    with pytest.raises(DataError, match="token 2 has no name: -tokens has 2 lines"):
        printed(2, names)
    (tmp_path / "names").write_bytes(b"")
    with pytest.raises(DataError, match="is empty; expected a token in each line"):
        read_names(tmp_path / "names")


def test_seeds_the_network_has_no_input_for() -> None:
    assert numbers_of(b"ab", 128, "-seed") == [97, 98]
    with pytest.raises(DataError, match="-seed: byte 195 isn't below the network's 128 inputs"):
        numbers_of("ä".encode(), 128, "-seed")


@pytest.mark.parametrize("text", [cfg().replace("output=128", "output=99"), nets.net_text(nets.DETECTOR)])
def test_networks_that_are_none_for_text(text: str) -> None:
    with pytest.raises(CfgError, match=r"a\.cfg:\d+: .* expected a network for text"):
        check_text_network(Network(parse_cfg_text(text, "a.cfg")))
