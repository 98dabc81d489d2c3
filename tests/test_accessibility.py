"""axe-core on every page of the built book, with all views drawn: nothing serious."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.test_site import draw_everything, pages

GRAVE = {"serious", "critical"}
# What the theme changes; all else is as it is in the light.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}

OPTIONS = {"resultTypes": ["violations"], "preload": False}  # it would fetch style sheets again


@pytest.mark.parametrize("theme", RULES)
def test_no_serious_finding(open_page, site: str, site_folder: Path, theme: str) -> None:
    page = open_page(color_scheme=theme)
    page.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
    )
    found = {}
    checked = 0
    for name in pages(site_folder):
        page.goto(f"{site}/{name}")
        draw_everything(page)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        result = Axe().run(page, options={**OPTIONS, **RULES[theme]}).response
        checked += len(result["passes"])
        grave = [each for each in result["violations"] if each["impact"] in GRAVE]
        if grave:
            found[name] = [(each["id"], each["nodes"][0]["html"][:200]) for each in grave]
    assert not found
    assert checked >= len(pages(site_folder))
