"""views.js: how a page without a kernel draws its views, from a server and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.book import assets, markup
from tests.conftest import serve

# A module that writes down what its model does.
ECHO = """
window.loads = (window.loads ?? 0) + 1;
export default {
  initialize({ model }) { model.set("begun", true); },
  render({ model, el }) {
    const log = [];
    const heard = (source, value) => log.push(["change:value", source === model, value]);
    model.on("change:value", heard);
    model.on("change", () => log.push(["change"]));
    model.set("value", 2);
    model.set("value", 2);          // nothing changed: nothing said
    model.set({ other: 1 });
    model.off("change:value", heard);
    model.set("value", 3);
    model.save_changes();
    model.send({ ask: 1 });
    el.dataset.log = JSON.stringify(log);
    el.dataset.state = JSON.stringify(["kernel", "begun", "value", "text"].map((k) => model.get(k)));
    el.append(model.get("text"));
  },
};
"""
BROKEN = "export default { render({ el }) { el.append('half'); throw new Error('broken view'); } };"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
HOSTILE = "</script><img src=x onerror=alert(1)>\u2028\ud800\x00"


def element(esm: str, state: dict) -> str:
    """A view with a picture, as the book writes it."""
    start = markup.view_start(esm, markup.script_json(state))
    return f'{start}<img alt="picture" src="{PIXEL}">{markup.END}'


@pytest.fixture
def write(tmp_path: Path):
    """A function that writes elements into a page with both modules and returns its path."""

    def write_page(*elements: str) -> Path:
        assets.write_assets(tmp_path / "llmlab", {"echo": ECHO, "broken": BROKEN})
        path = tmp_path / "index.html"
        path.write_text(
            '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
            f'<script defer src="llmlab/views.js"></script>{"".join(elements)}',
            encoding="utf-8",
        )
        return path

    return write_page


@pytest.fixture(params=["http", "file"])
def go(request: pytest.FixtureRequest, tmp_path: Path):
    """A function that opens a written page, from a server or from the file."""

    def open_written(page, path: Path) -> None:
        page.goto(path.as_uri() if request.param == "file" else f"{serve(tmp_path)}/{path.name}")

    return open_written


def test_model_gets_sets_and_tells(page, write, go) -> None:
    go(page, write(element("echo", {"kernel": True, "value": 1, "text": HOSTILE})))
    drawn = page.locator(".llmlab-view[data-ready] > div")
    drawn.wait_for()
    log, state = drawn.evaluate("e => [JSON.parse(e.dataset.log), JSON.parse(e.dataset.state)]")
    assert log == [["change:value", True, 2], ["change"], ["change"], ["change"]]
    # No kernel here, whatever the state says.
    assert state == [False, True, 3, HOSTILE]
    assert page.locator(".llmlab-view img").count() == 0
    assert drawn.evaluate("e => getComputedStyle(e).visibility") == "visible"


def test_module_loads_once_for_many_views(page, write, go) -> None:
    go(page, write(*[element("echo", {"text": str(i)}) for i in range(3)]))
    page.wait_for_function("document.querySelectorAll('[data-ready]').length === 3")
    assert page.evaluate("window.loads") == 1
    assert page.locator(".llmlab-view").all_inner_texts() == ["0", "1", "2"]


def test_view_far_below_waits_with_its_picture(page, write, go) -> None:
    space = '<div style="height: 5000px"></div>'
    go(page, write(element("echo", {"text": "near"}), space, element("echo", {"text": "far"})))
    page.locator("[data-ready]").wait_for()
    far = page.locator(".llmlab-view").nth(1)
    assert far.locator("img").count() == 1
    far.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('[data-ready]').length === 2")


@pytest.mark.parametrize("esm", ["broken", "missing"])
def test_picture_stays_where_a_view_fails(browser, write, go, esm: str) -> None:
    page = browser.new_page()  # not watched: an error is what is expected
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    go(page, write(element(esm, {}), element("echo", {"text": "well"})))
    page.locator("[data-error]").wait_for()
    page.locator("[data-ready]").wait_for()  # the next view is drawn all the same
    assert page.locator("[data-error] img").is_visible()
    assert page.locator("[data-error] > div").count() == 0
    assert errors
    page.close()
