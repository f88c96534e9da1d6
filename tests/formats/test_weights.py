"""Weights files: order, flags, byte-for-byte round trips, and what is said about a bad file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pydarknet.errors import WeightsError
from pydarknet.formats.layouts import Record
from pydarknet.formats.weights import load_weights, save_weights
from tests.lib.weights_files import FLOATS, FakeLayer, connected, conv, counting, header_bytes, small_net, write

# Order and flags


def test_records_in_file_order(tmp_path: Path) -> None:
    layers = small_net()
    result = load_weights(write(tmp_path / "a.weights", counting()), layers)
    assert (result.loaded_layers, result.trailing_bytes, result.warnings) == (4, 0, [])
    first = layers[0].parameters
    assert list(first) == ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
    np.testing.assert_array_equal(first["biases"], [1, 2, 3, 4])
    np.testing.assert_array_equal(first["rolling_variance"], [13, 14, 15, 16])
    np.testing.assert_array_equal(first["weights"], np.arange(17, 125).reshape(4, 3, 3, 3))
    assert layers[1].parameters == {}
    np.testing.assert_array_equal(layers[3].parameters["scales"], counting()[-6:])


def test_parameters_are_readonly_views(tmp_path: Path) -> None:
    layers = small_net()
    load_weights(write(tmp_path / "a.weights", counting()), layers)
    weights = layers[0].parameters["weights"]
    assert not weights.flags.writeable
    assert not weights.flags.owndata
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous


def test_dontload_is_not_in_the_file(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, dontload=True), conv(1, 2, 2, 1, batch_norm=False)]
    load_weights(write(tmp_path / "a.weights", counting(6)), layers)
    assert layers[0].parameters == {}
    np.testing.assert_array_equal(layers[1].parameters["weights"].ravel(), [3, 4, 5, 6])


def test_dontsave_is_not_written(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, dontsave=True), conv(1, 2, 2, 1, batch_norm=False)]
    layers[1].parameters = {"biases": counting(2), "weights": counting(4).reshape(2, 2, 1, 1)}
    save_weights(tmp_path / "a.weights", layers, seen=64)
    assert (tmp_path / "a.weights").read_bytes() == header_bytes() + np.array([1, 2, 1, 2, 3, 4], "<f4").tobytes()


def test_dontloadscales(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, 1, dontloadscales=True), FakeLayer(1, "batchnorm", [Record("scales", (2,))])]
    layers[1].dontloadscales = True  # pjreddie's [batchnorm] ignores it
    load_weights(write(tmp_path / "a.weights", counting(6)), layers)
    assert list(layers[0].parameters) == ["biases", "weights"]
    np.testing.assert_array_equal(layers[0].parameters["weights"].ravel(), [3, 4])
    np.testing.assert_array_equal(layers[1].parameters["scales"], [5, 6])


@pytest.mark.parametrize("kind", ["convolutional", "conv"])
def test_numload_fills_the_first_filters(kind: str, tmp_path: Path) -> None:
    layer = conv(0, 3, 2, 1, batch_norm=False, numload=2)
    layer.type = kind
    layer.parameters["weights"] = np.full((3, 2, 1, 1), 9, np.float32)
    load_weights(write(tmp_path / "a.weights", counting(6)), [layer])
    np.testing.assert_array_equal(layer.parameters["biases"], [1, 2, 0])
    np.testing.assert_array_equal(layer.parameters["weights"].ravel(), [3, 4, 5, 6, 9, 9])


@pytest.mark.parametrize("numload", [-5, 0, 3, 100])
def test_numload_of_all_filters_or_nonsense_loads_all(numload: int, tmp_path: Path) -> None:
    layer = conv(0, 3, 2, 1, batch_norm=False, numload=numload)
    load_weights(write(tmp_path / "a.weights", counting(9)), [layer])
    np.testing.assert_array_equal(layer.parameters["weights"].ravel(), [4, 5, 6, 7, 8, 9])


def test_flipped_weights_are_stored_inputs_first(tmp_path: Path) -> None:
    layer = conv(0, 2, 3, 1, batch_norm=False, flipped=True)
    load_weights(write(tmp_path / "a.weights", counting(8)), [layer])
    np.testing.assert_array_equal(layer.parameters["weights"].reshape(2, 3), [[3, 5, 7], [4, 6, 8]])
    assert layer.parameters["weights"].flags.c_contiguous


def test_transposed_files_transpose_connected_layers_only(tmp_path: Path) -> None:
    layers = [conv(0, 2, 3, 1, batch_norm=False), connected(1, 2, 3)]
    load_weights(write(tmp_path / "a.weights", counting(8 + 10), (1001, 0, 0)), layers)
    np.testing.assert_array_equal(layers[0].parameters["weights"].reshape(2, 3), [[3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(layers[1].parameters["weights"], [[11, 13, 15], [12, 14, 16]])
    np.testing.assert_array_equal(layers[1].parameters["scales"], [17, 18])


# Round trips


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1001, 0, 0)])
def test_round_trip_byte_for_byte(version: tuple[int, int, int], tmp_path: Path) -> None:
    layers = small_net()
    layers[2].flipped = True
    values = np.random.default_rng(3).standard_normal(FLOATS)
    values[12:16] = abs(values[12:16])
    path = write(tmp_path / "a.weights", values, version)
    header = load_weights(path, layers).header
    again = tmp_path / "b.weights"
    save_weights(again, layers, header.seen, (header.major, header.minor, header.revision))
    assert again.read_bytes() == path.read_bytes()


def test_saving_over_the_mapped_file(tmp_path: Path) -> None:
    layers = small_net()
    path = write(tmp_path / "a.weights", counting())
    before = path.read_bytes()
    load_weights(path, layers)
    save_weights(path, layers, seen=64)
    assert path.read_bytes() == before
    np.testing.assert_array_equal(layers[0].parameters["biases"], [1, 2, 3, 4])
    assert os.listdir(tmp_path) == ["a.weights"]


def test_saving_up_to_a_layer(tmp_path: Path) -> None:
    layers = small_net()
    load_weights(write(tmp_path / "a.weights", counting()), layers)
    save_weights(tmp_path / "b.weights", layers, seen=64, cutoff=2)
    assert (tmp_path / "b.weights").read_bytes() == header_bytes() + counting(124).tobytes()


# Files of the wrong length


def test_short_file_names_layer_and_record(tmp_path: Path) -> None:
    layers = small_net()
    path = write(tmp_path / "a.weights", counting(20), tail=b"xy")
    with pytest.raises(WeightsError) as caught:
        load_weights(path, layers)
    message = str(caught.value)
    assert "ends in layer 0 (convolutional), weights: expected 432 bytes, found 18;" in message
    assert f"the network needs {20 + 4 * FLOATS} bytes, the file has 102" in message
    assert "cutoff" in message
    assert all(layer.parameters == {} for layer in layers)


def test_backbone_needs_a_cutoff_and_the_error_says_which(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conv.2", counting(124))
    with pytest.raises(WeightsError, match=r"ends in layer 2 \(convolutional\), biases.*cutoff=2 loads it"):
        load_weights(path, small_net())
    layers = small_net()
    result = load_weights(path, layers, cutoff=2)
    assert (result.loaded_layers, result.trailing_bytes, result.warnings) == (2, 0, [])
    assert layers[2].parameters == {}


def test_short_before_the_cutoff_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"layer 2 \(convolutional\), biases"):
        load_weights(write(tmp_path / "a.weights", counting(124)), small_net(), cutoff=3)


def test_trailing_bytes_warn_with_their_count(tmp_path: Path) -> None:
    path = write(tmp_path / "a.weights", counting(FLOATS + 2), tail=b"abc")
    result = load_weights(path, small_net())
    assert result.trailing_bytes == 11
    assert len(result.warnings) == 1
    assert "11 bytes follow the last layer" in result.warnings[0]
    assert load_weights(path, small_net(), cutoff=4).warnings == []


@pytest.mark.parametrize("cutoff", [0, -1])
def test_cutoff_of_nothing(cutoff: int, tmp_path: Path) -> None:
    layers = small_net()
    assert load_weights(write(tmp_path / "a.weights", counting(1)), layers, cutoff=cutoff).loaded_layers == 0
    assert layers[0].parameters == {}


def test_nothing_is_allocated_for_what_the_cfg_claims(tmp_path: Path) -> None:
    layer = FakeLayer(0, "convolutional", [Record("biases", (2**31 - 1,)), Record("weights", (2**31 - 1, 2**31 - 1))])
    with pytest.raises(WeightsError, match="the network needs 18446744065119617044 bytes"):
        load_weights(write(tmp_path / "a.weights", counting(4)), [layer])


# Numbers that can't be


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_names_the_layer(bad: float, tmp_path: Path) -> None:
    values = counting()
    values[130] = bad
    path = write(tmp_path / "a.weights", values)
    layers = small_net()
    with pytest.raises(
        WeightsError, match=r"layer 2 \(convolutional\), weights: 1 of 20 numbers are NaN or infinite"
    ):
        load_weights(path, layers)
    assert layers[0].parameters == {}
    result = load_weights(path, layers, allow_nan=True)
    assert ["layer 2" in warning for warning in result.warnings] == [True]
    np.testing.assert_array_equal(layers[2].parameters["weights"].ravel()[1], np.float32(bad))


def test_a_sum_that_overflows_is_no_infinity(tmp_path: Path) -> None:
    values = np.full(FLOATS, 3e38, np.float32)
    assert load_weights(write(tmp_path / "a.weights", values), small_net()).warnings == []


def test_infinities_that_cancel_are_seen(tmp_path: Path) -> None:
    values = counting()
    values[20:22] = np.inf, -np.inf
    with pytest.raises(WeightsError, match="2 of 108 numbers"):
        load_weights(write(tmp_path / "a.weights", values), small_net())


def test_a_variance_below_zero_by_underflow_is_no_hint(tmp_path: Path) -> None:
    floats = counting()
    floats[12] = -7e-44
    assert load_weights(write(tmp_path / "a.weights", floats), small_net()).warnings == []


def test_negative_variance_hints_at_another_network(tmp_path: Path) -> None:
    values = counting()
    values[13] = -1
    warnings = load_weights(write(tmp_path / "a.weights", values), small_net()).warnings
    assert len(warnings) == 1
    assert "layer 0 (convolutional), rolling_variance: negative variances" in warnings[0]


def test_negative_variances_and_a_wrong_length_are_another_network(tmp_path: Path) -> None:
    values = np.append(counting(), np.float32(1))
    values[13] = -1
    file, net = write(tmp_path / "a.weights", values), small_net()
    with pytest.raises(
        WeightsError, match="negative variances, and 4 bytes follow the last layer: the file is of ano"
    ):
        load_weights(file, net)
    assert net[0].parameters.keys() == small_net()[0].parameters.keys()
    assert len(load_weights(file, net, allow_nan=True).warnings) == 2


def test_many_negative_variances_are_one_warning(tmp_path: Path) -> None:
    net = [*small_net(), *small_net()]
    values = np.full(2 * counting().size, -1, np.float32)
    warnings = load_weights(write(tmp_path / "a.weights", values), net).warnings
    assert [warning.partition(": negative")[2] for warning in warnings] == [
        " variances, as in 1 more; the file seems to be of another network"
    ]
