"""The book after a first visit, with no connection: every page, and a model that was run."""

from __future__ import annotations

import pytest

from tests.conftest import serve
from tests.test_site import draw_everything, pages

KEPT = """async () => {
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 50));
  return (await caches.keys()).filter((name) => name.startsWith("llmlab-book-")).length;
}"""
CHAPTER = "chapters/03_generating_language.html"


@pytest.fixture
def offline(open_page, site_folder):
    """A page of a reader who has read the contents and run mini, and then lost the connection."""
    page = open_page(service_workers="allow")
    address = f"{serve(site_folder.parent)}/{site_folder.name}"  # a site in a sub-folder
    page.goto(f"{address}/chapters/index.html")
    assert page.evaluate(KEPT) == 1
    page.goto(f"{address}/{CHAPTER}")
    run(page, "我爱北京天安")
    page.context.set_offline(True)
    return page, address


def run(page, text: str) -> None:
    """Let mini write after a text, in the first view of the page that can."""
    page.locator(".llmlab-view").first.scroll_into_view_if_needed()
    form = page.locator(".llmlab-form").first
    form.locator("textarea").fill(text)
    form.locator(".start").click()
    page.wait_for_function(
        "() => /Computed/.test(document.querySelector('.llmlab-form .llmlab-live').textContent)"
    )


def test_every_page_is_there_and_its_views_are_drawn(offline, site_folder):
    page, address = offline
    for name in [*pages(site_folder), "", "index.html"]:
        page.goto(f"{address}/{name}")
        draw_everything(page)
        assert len(page.locator("main").inner_text()) > 20, name


def test_a_model_that_was_run_runs_again(offline):
    page, address = offline
    page.goto(f"{address}/{CHAPTER}")
    run(page, "国王和女王")
