"""A real browser without a screen: Chromium."""

import contextlib
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium(profile):
    """A browser with the empty folder `profile` as its own; skips where none is installed."""
    found, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    browser = webdriver.Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()


def wait(browser, css, seconds=30):
    """The first element that matches, once it is there and shown."""

    def look(browser):
        return next((one for one in all_of(browser, css) if one.is_displayed()), False)

    return WebDriverWait(browser, seconds).until(look, f"nothing at {css}")


def all_of(browser, css):
    """Every element that matches."""
    return browser.find_elements(By.CSS_SELECTOR, css)


def complaints(browser):
    """What the browser's console says of errors: scripts that fail, and breaches of the policy."""
    return [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"]
