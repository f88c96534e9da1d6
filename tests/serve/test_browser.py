"""The page in a real browser: an image goes in, boxes and names come out."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serve.conftest import Client, png, serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromium-driver (Debian) are not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def upload(browser: Any, client: Client, file: Path) -> None:
    browser.get(f"http://127.0.0.1:{client.port}/")
    browser.find_element(By.ID, "thresh").clear()
    browser.find_element(By.ID, "thresh").send_keys("0.2")
    browser.find_element(By.ID, "file").send_keys(str(file))


def test_an_image_is_drawn_and_listed(browser: Any, client: Client, image: np.ndarray, tmp_path: Path):
    file = tmp_path / "image.png"
    file.write_bytes(png(image))
    expected = client.network.detect(image, 0.2)
    upload(browser, client, file)
    WebDriverWait(browser, 20).until(lambda page: "objects" in page.title)
    assert browser.title == f"{len(expected)} objects - pydarknet"
    rows = browser.find_elements(By.CSS_SELECTOR, "#table tbody tr")
    cells = [row.find_elements(By.TAG_NAME, "td")[0].text for row in rows]
    assert cells == [each.name for each in expected]  # "<b>bird</b>" too: names are text, no markup
    canvas = browser.find_element(By.ID, "canvas")
    assert (canvas.get_attribute("width"), canvas.get_attribute("height")) == ("60", "40")
    coloured = "const d = arguments[0].getContext('2d').getImageData(0, 0, 60, 40).data; return Array.from(d)"
    drawn = np.array(browser.execute_script(coloured, canvas), np.uint8).reshape(40, 60, 4)[:, :, 2::-1]
    assert (drawn != image).any()
    assert [entry["message"] for entry in browser.get_log("browser") if "favicon" not in entry["message"]] == []


def test_what_is_no_image_is_said(browser: Any, client: Client, tmp_path: Path):
    file = tmp_path / "notes.png"
    file.write_bytes(b"no image at all")
    upload(browser, client, file)
    WebDriverWait(browser, 20).until(lambda page: page.find_element(By.ID, "error").text)
    assert "image" in browser.find_element(By.ID, "error").text


def test_a_token_is_asked_for(browser: Any, image: np.ndarray, tmp_path: Path):
    file = tmp_path / "image.png"
    file.write_bytes(png(image))
    with serving(token="secret") as client:
        upload(browser, client, file)
        secret = browser.find_element(By.ID, "token")
        WebDriverWait(browser, 20).until(lambda page: secret.is_displayed())
        secret.send_keys("secret")
        browser.execute_script("arguments[0].dispatchEvent(new Event('change'))", secret)
        WebDriverWait(browser, 20).until(lambda page: "objects" in page.title)
