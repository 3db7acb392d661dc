"""The pages, in a real browser: what is typed is asked, what is answered is drawn."""

import json
import re
import subprocess

import pytest
from own import nasty
from own.browser import all_of, chromium, complaints, wait
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

SENTENCE = "The boy near the queen blamed himself."


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def ask(browser, text, *, keys=False):
    field = wait(browser, "#column-0")
    wait(browser, "#clear").click()
    browser.execute_script("arguments[0].value = arguments[1]", field, text)
    if keys:
        field.send_keys(Keys.CONTROL, Keys.ENTER)
    else:
        wait(browser, "#predict").click()
    return wait(browser, "#answer .facts, #answer .wrong")


def drawn(browser):
    names = [one.text for one in all_of(browser, ".bars .name span:first-child")]
    scores = [float(one.get_attribute("data-score")) for one in all_of(browser, ".bars .score")]
    return dict(zip(names, scores, strict=True))


def test_what_is_typed_is_answered_as_the_api_answers(browser, server):
    browser.get(server.url)
    wait(browser, "#column-0").send_keys(SENTENCE)
    wait(browser, "#predict").click()
    facts = wait(browser, "#answer .facts").text
    _, _, answer = server.ask(body={"inputs": [{"text": SENTENCE}], "top_k": 2})
    (expected,) = answer["predictions"]
    assert wait(browser, "#label").text == expected["label"]
    assert drawn(browser) == expected["scores"]
    assert re.fullmatch(r"[\d.]+ ms · model, version .+", facts)
    widths = [one.size["width"] for one in all_of(browser, ".bar")]
    assert widths == sorted(widths, reverse=True)
    assert not complaints(browser)


def test_it_can_be_used_with_the_keyboard(browser, server):
    browser.get(server.url)
    assert ask(browser, SENTENCE, keys=True).get_attribute("class") == "facts"
    for control in all_of(browser, "input, select, textarea"):
        name = control.get_attribute("id")
        assert all_of(browser, f"label[for='{name}']"), name


@pytest.mark.parametrize("text", nasty.STRINGS["markup"])
def test_text_stays_text(browser, server, text):
    browser.get(server.url)
    ask(browser, text)
    browser.execute_script("return 1")
    assert browser.title == "Try the model"
    assert not all_of(browser, "#answer img, #answer script, #answer svg")
    assert not complaints(browser)


def test_a_mistake_is_told_in_a_sentence(browser, server):
    browser.get(server.url)
    shown = ask(browser, "a" * 100_001)
    assert shown.get_attribute("class") == "wrong"
    assert shown.text.startswith("Inputs[0].text: expected str of length <= 100000.")
    assert "422" in complaints(browser).pop()


def test_the_docs_list_the_api_and_try_it(browser, server, tmp_path):
    browser.get(f"{server.url}/docs")
    wait(browser, "details .curl")
    paths = [one.text for one in all_of(browser, "summary code")]
    assert paths == list(server.ask("/openapi.json")[2]["paths"])
    line = wait(browser, "details .curl").text
    command = subprocess.run(line + " -s", shell=True, capture_output=True, check=True)
    next(one for one in all_of(browser, "button") if one.text == "Try").click()
    shown = json.loads(wait(browser, ".result").text)
    assert shown == json.loads(command.stdout)
    assert shown["predictions"][0]["label"]
    for part in all_of(browser, "details.operation summary")[1:]:
        part.click()  # What it holds is written a moment later.
    WebDriverWait(browser, 20).until(lambda it: len(all_of(it, "details .curl")) == len(paths))
    assert not complaints(browser)


def test_nothing_comes_from_elsewhere(server):
    for path in ("/", "/docs"):
        status, headers, content = server.ask(path)
        assert (status, headers["x-content-type-options"]) == (200, "nosniff")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        found = re.findall(r'(?:src|href)="([^"]+)"', content.decode())
        for name in {one for one in found if not one.endswith(".json")}:
            assert server.ask("/" + name.removeprefix("./"))[0] == 200
        assert not re.search(r"\bon\w+=|style=|javascript:", content.decode())
