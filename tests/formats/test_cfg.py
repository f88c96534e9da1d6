"""Darknet's cfg grammar, the typed getters, and what is said about a bad file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pydarknet.errors import CfgError, DarknetError, DataError
from pydarknet.formats.cfg import MAX_BYTES, MAX_UNKNOWN, Section, dump, parse_cfg, parse_cfg_text
from pydarknet.formats.cfg_keys import Keys, Refusal, canonical
from pydarknet.formats.numbers import FLOAT_MAX, INT_MAX, INT_MIN, read_float, read_int


def net(*lines: str) -> Section:
    return parse_cfg_text("\n".join(["[net]", *lines]), "a.cfg").net


# The grammar


def test_sections_options_and_places() -> None:
    cfg = parse_cfg_text("# head\n[net]\nwidth=8\n\n[convolutional]\nfilters=2\n[maxpool]\n", "a.cfg")
    assert (cfg.net.type, cfg.net.line, cfg.net.index, cfg.net.options) == ("net", 2, -1, {"width": "8"})
    assert [(s.type, s.line, s.index) for s in cfg.sections] == [("convolutional", 5, 0), ("maxpool", 7, 1)]
    assert cfg.sections[0].lines == {"filters": 6}
    assert cfg.warnings == []


def test_blanks_vanish_everywhere() -> None:
    cfg = parse_cfg_text(" [ n e t ]\n\t wid th\t= 4 1 6 \nanchors = 1, 2,\t3\n")
    assert cfg.net.options == {"width": "416", "anchors": "1,2,3"}


@pytest.mark.parametrize("comment", ["#x=1", ";x=1", "  # x=1", "\t;x=1"])
def test_comments_start_the_line(comment: str) -> None:
    assert net(comment).options == {}


def test_a_comment_behind_a_value_belongs_to_it() -> None:
    section = net("steps=1,2 # x", "width=3;y", "names=a#b")
    assert section.ints("steps") == [1, 2]
    assert section.int_("width") == 3
    assert section.str_("names") == "a#b"
    assert len(section.warnings) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    cfg = parse_cfg_text(end.join(["[net]", "width=8", "", "[maxpool]", "size=2"]))
    assert cfg.net.int_("width") == 8
    assert (cfg.sections[0].type, cfg.sections[0].lines["size"]) == ("maxpool", 5)
    assert cfg.warnings == []


def test_other_separators_end_no_line() -> None:
    assert net("a=1\x0bb=2\u2028c=3").options == {"a": "1\x0bb=2\u2028c=3"}


def test_first_of_two_equal_keys_wins() -> None:
    section = net("batch=1", "batch=64")
    assert section.int_("batch") == 1
    assert section.warnings == ["a.cfg:3: [net] 'batch' is given again: line 2 counts, as in Darknet"]


def test_empty_value_and_missing_equals() -> None:
    section = net("width=", "height", "=5", "a=b=c")
    assert section.int_("width", 7) == 7
    assert section.int_("height", 9) == 9
    assert section.options == {"": "5", "a": "b=c"}
    assert section.warnings == [
        "a.cfg:2: [net] 'width' has no value: its default is used",
        "a.cfg:3: [net] 'height' is ignored: expected key=value",
    ]


def test_text_behind_a_header_is_reported() -> None:
    cfg = parse_cfg_text("[net] # the net\n", "a.cfg")
    assert cfg.net.type == "net"
    assert cfg.warnings == ["a.cfg:1: '#thenet' after [net] is ignored"]


# Numbers as C reads them


@pytest.mark.parametrize(
    ("text", "value", "certain"),
    [
        ("0", 0, True),
        ("-7", -7, True),
        ("+7", 7, True),
        ("007", 7, True),
        ("1e3", 1, False),
        ("1.9", 1, False),
        ("0x10", 0, False),
        ("3#three", 3, False),
        ("abc", 0, False),
        ("", 0, False),
        ("-", 0, False),
        ("٣", 0, False),
        ("2147483647", INT_MAX, True),
        ("2147483648", INT_MAX, False),
        ("-2147483648", INT_MIN, True),
        ("-2147483649", INT_MIN, False),
        ("9" * 10000, INT_MAX, False),
        ("0" * 10000 + "5", 5, True),
    ],
)
def test_atoi(text: str, value: int, certain: bool) -> None:
    number, warning = read_int(text)
    assert number == value
    assert (warning == "") == certain


@pytest.mark.parametrize(
    ("text", "value", "certain"),
    [
        (".1", 0.1, True),
        ("1.", 1.0, True),
        ("1e3", 1000.0, True),
        ("-1.5E-2", -0.015, True),
        ("1e", 1.0, False),
        ("0x10", 16.0, True),
        ("0x1p-1", 0.5, True),
        ("0x1p99999", float("inf"), True),
        ("1.5.2", 1.5, False),
        ("1,5", 1.0, False),
        ("1_000", 1.0, False),
        (".", 0.0, False),
        ("x", 0.0, False),
        ("1e999", float("inf"), True),
        ("-inf", float("-inf"), True),
    ],
)
def test_atof(text: str, value: float, certain: bool) -> None:
    number, warning = read_float(text)
    assert number == value
    assert (warning == "") == certain


# Getters


def test_getters_read_or_take_the_default() -> None:
    section = net("i=3", "f=.5", "s=leaky", "b=1", "l=1,-2", "g=.1,2")
    assert (section.int_("i"), section.float_("f"), section.str_("s"), section.bool_("b")) == (3, 0.5, "leaky", True)
    assert (section.ints("l"), section.floats("g")) == ([1, -2], [0.1, 2.0])
    assert (section.int_("I", 4), section.float_("F", 1.5), section.str_("S", "relu")) == (4, 1.5, "relu")
    assert (section.bool_("B", True), section.ints("L", [5]), section.floats("G", ())) == (True, [5], [])
    assert section.warnings == []


@pytest.mark.parametrize("getter", ["int_", "float_", "str_", "bool_", "ints", "floats"])
def test_missing_without_default_is_an_error(getter: str) -> None:
    with pytest.raises(CfgError, match=r"^a\.cfg:1: \[net\] 'filters' is missing; add a line filters=\.\.\.$"):
        getattr(net("width=1"), getter)("filters")


def test_garbage_is_zero_with_one_warning() -> None:
    section = net("filters=abc", "scale=abc")
    assert (section.int_("filters"), section.int_("filters"), section.float_("scale")) == (0, 0, 0.0)
    assert section.warnings == [
        "a.cfg:2: [net] value 'abc' for filters is not a number, read as 0",
        "a.cfg:3: [net] value 'abc' for scale is not a number, read as 0",
    ]


def test_huge_integers_are_clamped_with_a_warning() -> None:
    section = net("width=99999999999", "height=-99999999999")
    assert (section.int_("width"), section.int_("height")) == (INT_MAX, INT_MIN)
    assert "too large for 32 bits, read as 2147483647" in section.warnings[0]
    assert "too large for 32 bits, read as -2147483648" in section.warnings[1]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, INT_MAX, "expected at least 1, found -3"),
        (0, 5, "expected 0 to 5, found -3"),
        (INT_MIN, -5, "expected at most -5, found -3"),
    ],
)
def test_range(low: int, high: int, expected: str) -> None:
    section = net("width=-3")
    with pytest.raises(CfgError, match=rf"^a\.cfg:2: \[net\] width=-3: {expected}$"):
        section.int_("width", 1, low, high)
    assert section.int_("width", 1, -3, -3) == -3


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "1e39", "0x1p9999"])
def test_floats_must_be_finite_in_float32(text: str) -> None:
    section = net(f"scale={text}", f"scales=1,{text}", f"max={FLOAT_MAX!r}")
    with pytest.raises(CfgError, match=r"a\.cfg:2: .*finite"):
        section.float_("scale")
    with pytest.raises(CfgError, match=r"a\.cfg:3: \[net\] scales, item 2: expected a finite number"):
        section.floats("scales")
    assert section.float_("max") == FLOAT_MAX


@pytest.mark.parametrize("text", ["1,", ",1", "1,,2", "1,x", "x", ","])
def test_garbage_in_a_list_is_an_error(text: str) -> None:
    section = net(f"steps={text}")
    for getter in (section.ints, section.floats):
        with pytest.raises(CfgError, match=r"^a\.cfg:2: \[net\] steps, item \d: expected a finite number, found "):
            getter("steps")


def test_short_lists_are_an_error() -> None:
    section = net("anchors=1,2,3")
    assert section.floats("anchors", at_least=3) == [1, 2, 3]
    with pytest.raises(CfgError, match=r"a\.cfg:2: \[net\] anchors: expected at least 10 numbers, found 3"):
        section.floats("anchors", at_least=10)


def test_errors_have_a_place() -> None:
    section = net("", "width=1")
    at_key, at_section = section.error("bad", "width"), section.error("bad", "absent")
    assert (at_key.file, at_key.line, str(at_key)) == ("a.cfg", 3, "a.cfg:3: [net] bad")
    assert (at_section.line, str(section.error("bad"))) == (1, "a.cfg:1: [net] bad")
    assert isinstance(at_key, DarknetError)


def test_errors_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(CfgError("a.cfg", 3, "bad")))
    assert (str(error), error.line) == ("a.cfg:3: bad", 3)
    located = pickle.loads(pickle.dumps(DataError.at("a.names", 4, "bad")))
    assert (str(located), located.line) == ("a.names:4: bad", 4)


# Unknown keys


def test_unknown_keys_with_a_guess() -> None:
    cfg = parse_cfg_text("[net]\nbach=1\n[conv]\nfliters=3\nqqqqqqq=1\nbinary=1\n", "a.cfg")
    cfg.net.int_("batch", 1)
    for key in ("filters", "binary"):
        cfg.sections[0].int_(key, 1)
    assert cfg.net.unused() == ["a.cfg:2: [net] unknown key 'bach' is ignored; did you mean 'batch'?"]
    assert cfg.sections[0].unused() == [
        "a.cfg:4: [conv] unknown key 'fliters' is ignored; did you mean 'filters'?",
        "a.cfg:5: [conv] unknown key 'qqqqqqq' is ignored",
    ]


def test_a_key_that_was_asked_for_is_no_unknown_key() -> None:
    section = net("my_own=1")
    assert len(section.unused()) == 1
    section.int_("my_own")
    assert section.unused() == []


def test_unknown_keys_do_not_flood() -> None:
    section = net(*(f"zz{i}=1" for i in range(10 * MAX_UNKNOWN)))
    texts = section.unused()
    assert len(texts) == MAX_UNKNOWN + 1
    assert texts[-1] == f"a.cfg: [net] {9 * MAX_UNKNOWN} more unknown keys are ignored"


DECLARED = Keys(
    training={"rate": 0.5, "steps": ()}, idle="show", refused={"blur": Refusal("blur the output", (0, -1))}
)


def test_declared_keys_are_not_unknown_and_harmless_values_pass() -> None:
    section = net("rate=1", "steps=1,2", "show=1", "blur=-1")
    section.declare(DECLARED)
    assert section.unused() == section.warnings == []


def test_a_refused_key_says_what_it_would_do() -> None:
    text = (
        r"^a.cfg:3: \[net\] blur=2 is not supported: it would blur the output. Harmless is blur=0, or no such line$"
    )
    with pytest.raises(CfgError, match=text):
        net("rate=1", "blur=2").declare(DECLARED)


def test_a_key_of_training_is_warned_about_unless_read_or_as_good_as_none() -> None:
    section = net("rate=1", "steps=1,2")
    section.declare(DECLARED)
    assert section.unfollowed([]) == {
        "rate": "a.cfg:2: [net] rate=1 is not followed in training",
        "steps": "a.cfg:3: [net] steps=1,2 is not followed in training",
    }
    section.float_("rate")
    assert section.unfollowed(["steps"]) == {}
    section = net("rate=.5")
    section.declare(DECLARED)
    assert section.unfollowed([]) == {}


def test_numbers_of_training_are_doubted_at_once() -> None:
    section = net("rate=0,001")
    section.declare(DECLARED)
    section.float_("rate")
    assert section.warnings == ["a.cfg:2: [net] rate=0,001: ',001' after the number is ignored, read as 0.0"]


def test_short_names() -> None:
    assert canonical("conv") == "convolutional"
    assert canonical("nonsense") == "nonsense"


# Bad files


def test_missing_folder_and_forbidden_names(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.cfg", tmp_path, tmp_path / ("x" * 300), f"{tmp_path}/nul\0byte"):
        with pytest.raises(CfgError, match="can't be read") as caught:
            parse_cfg(path)
        assert caught.value.file == str(path)
        assert caught.value.line is None


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "\ufeff"])
def test_empty(text: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.cfg"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CfgError, match=r"empty\.cfg: is empty: expected \[net\]"):
        parse_cfg(path)


def test_no_net() -> None:
    with pytest.raises(CfgError, match=r"^a\.cfg:2: expected \[net\] as the first section, found \[maxpool\]"):
        parse_cfg_text("\n[maxpool]\n", "a.cfg")
    with pytest.raises(CfgError, match=r"^a\.cfg:1: expected \[net\] first, found 'width=3'"):
        parse_cfg_text("width=3\n[net]\n", "a.cfg")
    assert parse_cfg_text("[network]").net.type == "network"


def test_header_without_end() -> None:
    with pytest.raises(CfgError, match=r"^a\.cfg:2: expected '\]' at the end of '\[maxpool'"):
        parse_cfg_text("[net]\n[maxpool\n", "a.cfg")


@pytest.mark.parametrize("data", [b"\0\0\0\0\2\0\0\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfe[\0n"])
def test_binary(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.weights"
    path.write_bytes(data)
    with pytest.raises(CfgError, match="is not a text file"):
        parse_cfg(path)


def test_no_more_is_read_than_a_cfg_can_have(tmp_path: Path) -> None:
    path = tmp_path / "long.cfg"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(CfgError, match="too long"):
        parse_cfg(path)
    with pytest.raises(CfgError, match="is not a text file"):
        parse_cfg("/dev/zero")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "é.cfg"
    path.write_bytes("[net]\nnames=naïve\n".encode(encoding))
    assert parse_cfg(path).net.str_("names") == "naïve"


# Writing back


def test_dump_keeps_what_is_no_blank() -> None:
    text = "[net]\nname=a\x0b\n"
    assert dump(parse_cfg_text(text)) == text


def test_dump_keeps_order_and_spelling() -> None:
    text = "[net]\nwidth = 8\n\n[region]\nanchors =  1, 2,  3,4\nnum=2\n"
    cfg = parse_cfg_text("# comment\n" + text + "num=3\n")
    assert dump(cfg) == text
    cfg.sections[0].set("anchors", "5,6,7,8")
    cfg.net.set("height", 16)
    assert dump(cfg) == "[net]\nwidth = 8\nheight=16\n\n[region]\nanchors=5,6,7,8\nnum=2\n"
    assert parse_cfg_text(dump(cfg)).sections[0].ints("anchors") == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "classes=80\ntrain=a.txt\n",
            r"a\.cfg:1: is a \.data file; expected a cfg; are the files in the right order",
        ),
        ("# mine\nnames = x.names\n", r"a\.cfg:2: is a \.data file"),
        ("path: ../coco\ntrain: images\n", "is a data.yaml; expected a cfg; `pydarknet data yolo FILE`"),
        ("person\n", r"expected \[net\] first, found 'person'; is this a cfg file"),
    ],
)
def test_another_file_in_place_of_a_cfg_is_named(text: str, told: str) -> None:
    with pytest.raises(CfgError, match=told):
        parse_cfg_text(text, "a.cfg")
