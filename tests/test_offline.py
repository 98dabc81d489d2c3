"""The book after a first visit, with no connection: every page, and a model that was run."""

from __future__ import annotations

import pytest

from tests.conftest import serve
from tests.test_live import run
from tests.test_site import draw_everything, pages

CHAPTER = "chapters/03_generating_language.html"


@pytest.fixture
def offline(open_page, site_folder):
    """A page of a reader who has read the contents and run mini, and then lost the connection."""
    page = open_page(service_workers="allow")
    address = f"{serve(site_folder.parent)}/{site_folder.name}"  # a site in a sub-folder
    page.goto(f"{address}/chapters/index.html")
    # It has the page in its hands once it has kept all files.
    page.wait_for_function("() => navigator.serviceWorker.controller", timeout=120_000)
    assert "Computed" in run_first_view(page, address, "我爱北京天安")
    page.context.set_offline(True)
    return page, address


def run_first_view(page, address, text: str) -> str:
    """What the first view of a chapter says of a text that mini has read in it."""
    page.goto(f"{address}/{CHAPTER}")
    page.locator(".llmlab-view").first.scroll_into_view_if_needed()
    return run(page, text)


def test_every_page_is_there_and_its_views_are_drawn(offline, site_folder):
    page, address = offline
    for name in [*pages(site_folder), "", "index.html"]:
        page.goto(f"{address}/{name}")
        draw_everything(page)
        assert len(page.locator("main").inner_text()) > 20, name


def test_a_model_that_was_run_runs_again(offline):
    assert "Computed" in run_first_view(*offline, "国王和女王")
