"""Files that a careless or hostile hand has been at: one clear error with the line, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pydarknet.cli.main import main
from pydarknet.errors import DataError
from pydarknet.wordtree import (
    as_dot,
    as_svg,
    from_csv,
    from_folders,
    open_tree,
    read_synsets,
    read_wordnet,
    write_tree,
)
from tests.fuzz.trees import FILES, VERBS

ROOT = Path(__file__).parents[2]
Refuse = Callable[..., str]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file for every argument of `pydarknet tree`, which is the current one."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(mine: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Calls `pydarknet tree`, expects one line of error that holds some words, and that nothing was written."""

    def check(command: str, *words: str) -> str:
        before = sorted(os.listdir())
        assert main(["tree", *command.split()]) == 2
        said = capsys.readouterr().err
        assert said.startswith("pydarknet: error: ")
        assert said.count("\n") == 1
        for word in words:
            assert word in said
        assert sorted(os.listdir()) == before
        return said

    return check


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\0\1\2", b"\xff\xfe\0", b"\x89PNG\r\n\x1a\n\0\0"])
@pytest.mark.parametrize("command", VERBS)
def test_empty_and_binary_files(refused: Refuse, command: str, content: bytes) -> None:
    for name in [word for word in command.split() if word in FILES]:
        Path(name).write_bytes(content)
        refused(command, name)
        Path(name).write_text(FILES[name])


@pytest.mark.parametrize(("encoding", "end"), [("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("utf-32", "\r")])
@pytest.mark.parametrize("command", VERBS)
def test_any_encoding_and_line_end(
    mine: Path, command: str, encoding: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def result() -> tuple[str, dict[str, bytes]]:
        assert main(["tree", *command.split()]) == 0
        written = {each.name: each.read_bytes() for each in mine.glob("out*")}
        for name in written:
            Path(name).unlink()
        return capsys.readouterr().out, written

    usual = result()
    for name, text in FILES.items():
        Path(name).write_bytes(text.replace("\n", end).encode(encoding))
    assert result() == usual


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,"b\nc,d\n', r"t\.csv:1: expected child,parent, found no CSV: unexpected end of data"),
        (f"a,b\n{'x' * 200_000},b\n", r"t\.csv:2: expected child,parent, found no CSV: field larger"),
        ("dog;animal\n", r"t\.csv:1: expected child,parent, found 'dog;animal'; a comma separates them"),
        ("Parent,Child\nanimal,dog\n", r"t\.csv:1: expected child,parent, found the columns the other way round"),
        ("Parent,name\nanimal,dog\n", r"t\.csv:1: expected child,parent, found the columns the other way round"),
        ("dog\tanimal\n", r"t\.csv:1: expected child,parent"),
        ("animal,-1\ndog,0\n", r"t\.csv:2: expected the name of a parent, found the number '0'"),
        ("dog animal\ncat animal\n", r"t\.csv:1: expected child,parent, found no comma in any line"),
        ("1,dog,animal\n", r"t\.csv:1: expected child,parent, found '1,dog,animal'; that are 3 columns"),
        ("animal,dog\nanimal,cat\n", r"t\.csv:2: .* each line is a child and its one parent, in this order"),
        ("-1,animal\n", r"t\.csv:1: expected child,parent"),
        (",animal\n", r"t\.csv:1: expected child,parent"),
        ('"a\n\nb",c\nd,e\nd,f\n', r"t\.csv:5: 'd' is below 'f' here and below 'e' in line 4"),
    ],
)
def test_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        from_csv(tmp_path / "t.csv")


@pytest.mark.parametrize("heading", ["child,parent", "Name,Parent", "id,parent", "class, parent"])
def test_headings(tmp_path: Path, heading: str) -> None:
    (tmp_path / "t.csv").write_text(f"{heading}\nfather,parent\ndog,animal\n")
    assert set(from_csv(tmp_path / "t.csv").parent) == {"father", "parent", "dog", "animal"}


def test_numbers_may_be_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("2,1\n3,1\ndog,3\n")
    assert from_csv(tmp_path / "t.csv").parent == {"1": None, "2": "1", "3": "1", "dog": "3"}


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("word 12", r"found 'word 12'; did you mean n00000012 \(word 12\)\?"),
        ("00000012", r"found '00000012'; did you mean n00000012 \(word 12\)\?"),
        ("n00000012 animal", r"found 'n00000012 animal'; it stands alone on its line"),
        ("unicorn", r"found 'unicorn'$"),
    ],
)
def test_words_in_place_of_synsets(mine: Path, line: str, meant: str) -> None:
    (mine / "list.txt").write_text(f"{line}\n")
    with pytest.raises(DataError, match=rf"list\.txt:1: expected a synset such as n02084071, {meant}"):
        read_synsets(mine / "list.txt", read_wordnet(mine))
    with pytest.raises(
        DataError, match=r"No such file or directory; expected WordNet's nouns \(Debian: wordnet-base"
    ):
        read_wordnet(mine / "nowhere")


def test_a_drawing_is_what_its_name_says(refused: Refuse, capsys: pytest.CaptureFixture[str]) -> None:
    for name, begins in (("a.svg", "<svg"), ("a.dot", "digraph"), ("a.txt", "animal\n")):
        assert main(["tree", "show", "mine.tree", "--out", name]) == 0
        assert Path(name).read_text().startswith(begins)
        assert capsys.readouterr().out == f"{name}: {'drawn' if name == 'a.svg' else 'written'}\n"
    refused("show mine.tree --out a.png", "--out a.png: expected a file that ends in .svg, .dot or .txt")


def test_names_of_several_words_need_no_quotes(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "two.csv").write_text("ice bear,bear\nbrown bear,bear\n")
    assert main(["tree", "build", "--csv", "two.csv", "--out", "two"]) == 0
    for verb in ("find", "path"):
        assert main(["tree", verb, "two.tree", "ice", "bear"]) == 0
        assert "ice bear" in capsys.readouterr().out.splitlines()[-1]


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top/two\nlines/ice\t bear").mkdir(parents=True)
    tree = from_folders(tmp_path / "top")
    assert tree.name == {"two_lines": "two lines", "ice_bear": "ice bear"}
    (tmp_path / "top/two lines").mkdir()
    with pytest.raises(DataError, match="another node has that name"):
        from_folders(tmp_path / "top")
    (tmp_path / "other/ \t").mkdir(parents=True)
    with pytest.raises(DataError, match="has no name"):
        from_folders(tmp_path / "other")

    def closed(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(DataError, match="top: can't be read: Permission denied"):
        from_folders(tmp_path / "top")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00000013 03 n 00 000 | no word\n", r":8: expected a synset"),
        ("00000013 03 n ff word 0 000 | too few words\n", r":8: expected a synset"),
        ("00000013 03 n 01 word 0 999999999999 @ 00000011 n 0000 | too few pointers\n", r":8: expected a synset"),
        ("00000013 03 n 01 word 0 -1 | less than none\n", r":8: expected a synset"),
        ("00000012 03 n 01 word 0 000 | again\n", r":8: n00000012 is on line 6 already"),
        ("00000014 03 n 01 word 0 001 @ 00000099 n 0000 | lost\n", r":8: names a synset n00000099 that isn't there"),
    ],
)
def test_wordnets(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "data.noun").write_text(FILES["data.noun"] + line)
    with pytest.raises(DataError, match=rf"data\.noun{message}"):
        read_wordnet(tmp_path)


def test_two_nodes_of_one_id(refused: Refuse, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.tree").write_text(FILES["mine.tree"].replace("car", "bear"))
    for command in ("check mine.tree", "path mine.tree bear", "show mine.tree --root bear"):
        refused(command, "mine.tree:5: 'bear' is on line 4 too: give it another id")
    assert main(["tree", "map", "mine.tree", "classes.names"]) == 0
    assert "bear: 3 bear animal > bear (by id; or 4 bear vehicle > car)" in capsys.readouterr().out


def test_labels_of_another_tree(refused: Refuse, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.labels").write_text(FILES["mine.labels"].replace("dog", "n02084071"))
    assert main(["tree", "check", "mine.tree"]) == 0
    assert "mine.labels: 7 labels, 1 other than the ids: the first on line 3" in capsys.readouterr().out
    Path("mine.labels").write_text("dog\n")
    refused("check mine.tree", "mine.labels: has 1 labels for the 7 nodes of mine.tree")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\n3\n5\n", "mine.map: expected at least 4 lines, one for each class, found 3"),
        ("2\n3\n5\n4\n0\n", "mine.map:5: expected 4 lines, one for each class of classes.names, found 5"),
        ("2\n3\n7\n4\n", "mine.map:3: expected a number from 0 to 6, found 7"),
        ("2\n-1\n5\n4\n", "mine.map:2: expected a number from 0 to 6, found -1"),
        ("2\nbear\n5\n4\n", "mine.map:2: expected an integer, found 'bear'"),
    ],
)
def test_maps(refused: Refuse, text: str, message: str) -> None:
    Path("mine.map").write_text(text)
    refused("check mine.tree --map mine.map --classes classes.names", message)


def test_inner_nodes_are_allowed_and_said(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree", "check", "mine.tree", "--map", "mine.map", "--classes", "classes.names"]) == 0
    assert "mine.map: 4 classes, of which 1 are inner nodes: bear" in capsys.readouterr().out
    assert main(["tree", "map", "mine.tree", "classes.names", "--out", "new.map"]) == 0
    assert "0 without one, 1 at inner nodes" in capsys.readouterr().out


@pytest.mark.slow
def test_chains(refused: Refuse) -> None:
    """What is printed of a chain is as long as its square."""
    Path("mine.csv").write_text("".join(f"node{i},node{i - 1}\n" for i in range(1, 3000)))
    refused("build --csv mine.csv --out out", "out.tree:1001: 'node1000' has 1000 ancestors: too deep a tree")
    Path("mine.tree").write_text("".join(f"node{i} {i - 1}\n" for i in range(3000)))
    for command in VERBS[2:]:
        refused(command, "mine.tree:1001: 'node1000' has 1000 ancestors: too deep a tree")


def test_ids_that_darknet_cannot_read(refused: Refuse) -> None:
    Path("mine.csv").write_text(f"{'x' * 256},animal\n")
    refused("build --csv mine.csv --out out", "can't be an id: expected up to 255 bytes")


def test_places(refused: Refuse) -> None:
    refused("build --csv mine.csv --out ./", "./: expected the beginning of the files' names")
    refused("subset mine.tree --keep bear --out mine --force", "would replace a file that is read")
    refused("show mine.tree --out mine.tree", "would replace a file that is read")
    refused("map mine.tree classes.names --out mine.names --force", "would replace a file that is read")
    refused("show . --out out", "can't find '.'")
    refused("subset mine.tree --keep bear,baer --out out", "has no node 'baer'; did you mean 'bear'?")
    refused("check mine.tree --classes classes.names", "--classes: expected --map FILE too")


def test_roots_are_said(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A parent that is nobody's child is a root; or a slip, as here."""
    Path("mine.csv").write_text("dog,anmial\ncat,animal\n")
    assert main(["tree", "build", "--csv", "mine.csv", "--out", "out"]) == 0
    assert "\nroots: anmial, animal\n" in capsys.readouterr().out


@pytest.mark.slow
def test_drawings_of_nine_thousand_nodes(tmp_path: Path) -> None:
    named = open_tree(ROOT / "data" / "9k.tree")
    as_svg(named).save(tmp_path / "9k.svg")
    assert (tmp_path / "9k.svg").stat().st_size < 3_000_000
    texts = [each.text for each in ElementTree.parse(tmp_path / "9k.svg").iter() if each.tag.endswith("text")]
    assert sorted(map(str, texts)) == sorted(named.names)
    lines = as_dot(named).splitlines()
    assert sum("label=" in line for line in lines) == 9418
    assert sum(" -> " in line for line in lines) == 9418 - 4  # of which are roots


def test_a_name_that_no_drawing_can_show(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text('a,"x\x01<&"\n')
    named = open_tree(write_tree(tmp_path / "odd", from_csv(tmp_path / "odd.csv"))[0])
    as_svg(named).save(tmp_path / "odd.svg")
    texts = [each.text for each in ElementTree.parse(tmp_path / "odd.svg").iter() if each.tag.endswith("text")]
    assert texts == ["x <&", "a"]
