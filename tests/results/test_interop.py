"""Detections in the hands of the packages that people use beside a detector."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pydarknet import Network
from tests.lib import nets
from tests.results.test_detections import DOG, EDGE, found

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what they say while they load is theirs
    supervision = pytest.importorskip("supervision")
    pandas = pytest.importorskip("pandas")
    sahi_predict = pytest.importorskip("sahi.predict")
    from pydarknet.compat.sahi import DarknetDetectionModel

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("reader", ["from_ultralytics", "from_inference"])
def test_supervision(reader: str):
    taken = getattr(supervision.Detections, reader)(found())
    np.testing.assert_allclose(taken.xyxy, [[20, 15, 40, 25], [-5, -4, 5, 4]])
    np.testing.assert_allclose(taken.confidence, [0.75, 0.5])
    assert taken.class_id.tolist() == [2, 1]
    expected = ["dog", "thing"] if reader == "from_ultralytics" else ["dog", "th/ing"]
    assert taken.data["class_name"].tolist() == expected


@pytest.mark.parametrize("reader", ["from_ultralytics", "from_inference"])
def test_supervision_of_nothing(reader: str):
    nothing = found()[:0]
    assert len(getattr(supervision.Detections, reader)(nothing)) == 0


def test_pandas():
    table = found().to_df()
    assert table.columns.tolist() == ["name", "class_id", "confidence", "objectness", "x1", "y1", "x2", "y2", "path"]
    assert table.loc[0].tolist() == ["dog", 2, 0.75, 0.8, 20, 15, 40, 25, "animal > dog"]
    assert table.name.tolist() == [DOG.name, EDGE.name]


def test_sahi_finds_in_slices_what_is_found_in_them(tmp_path):
    nets.write(tmp_path, size=32)
    net = Network(tmp_path / "small.cfg", tmp_path / "small.weights", names=["a", "b", "c"])
    image = nets.picture(64, 32)  # RGB for SAHI
    model = DarknetDetectionModel(model=net, confidence_threshold=0.2)
    result = sahi_predict.get_sliced_prediction(
        image, model, slice_height=32, slice_width=32, overlap_height_ratio=0, overlap_width_ratio=0,
        perform_standard_pred=False, postprocess_type="NMS", postprocess_match_threshold=1.0, verbose=0,
    )  # fmt: skip
    slices = [(shift, net.detect(image[:, shift : shift + 32], 0.2, color="rgb")) for shift in (0, 32)]
    expected = [(each.name, round(each.confidence, 4)) for _, result in slices for each in result]
    assert expected
    assert {(each.category.name, round(each.score.value, 4)) for each in result.object_prediction_list} <= set(
        expected
    )
    assert result.object_prediction_list
