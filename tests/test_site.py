"""The built book in a real browser: from a server and from files, with scripts and without."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from llmlab.views import MIME, module_sources
from tests.conftest import ROOT

PLOTLY_MIME = "application/vnd.plotly.v1+json"
BOXES = ".llmlab-view, .llmlab-chart"
PATIENCE = 120_000  # milliseconds for a view to be drawn, on a machine with other work as well
PHONE = {"width": 360, "height": 740}
JAVASCRIPT_LIMIT = 400_000  # bytes a page, before views and charts; Font Awesome alone was 1.5 MB


def pages(folder: Path) -> list[str]:
    """Every page of the site, relative to its folder, but for index.html, which forwards."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    return sorted(name for name in names if name != "index.html")


@pytest.fixture(params=["http", "file"])
def address(request: pytest.FixtureRequest, site: str, site_folder: Path) -> str:
    """The site's address, from a server and from files; ends with a slash."""
    return f"{site}/" if request.param == "http" else f"{site_folder.as_uri()}/"


def stored_drawings(name: str) -> list[str]:
    """What the notebook of a page has in its outputs: the views' modules, "chart" for a chart."""
    notebook = (ROOT / name).with_suffix(".ipynb")
    if not notebook.exists():
        return []
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            if MIME in data:
                found.append(data[MIME]["esm"])
            elif PLOTLY_MIME in data:
                found.append("chart")
    return found


# Opens the folded parts of the page around a view: <details>, and the theme's own dropdowns.
UNFOLD = """box => {
    for (let e = box; e; e = e.parentElement) {
        if (e instanceof HTMLDetailsElement) e.open = true;
        if (e.classList.contains("toggle-hidden")) e.querySelector(".toggle-button").click();
    }
    box.scrollIntoView({ block: "center" });
    return box.checkVisibility();
}"""


def draw_everything(page) -> list[str]:
    """Bring each view and chart to the screen and wait until it is drawn; fails where one is not.

    Returns:
        What was drawn, in order: the views' modules, "chart" for a chart.
    """
    drawn = []
    boxes = page.locator(BOXES)
    for index in range(boxes.count()):
        box = boxes.nth(index)
        name = box.get_attribute("data-esm") or "chart"
        assert box.evaluate(UNFOLD), f"{page.url}: {name} ({index}) is hidden and nothing opens it"
        page.wait_for_function(
            "([boxes, i]) => { const { ready, error } = document.querySelectorAll(boxes)[i]"
            ".dataset; return ready || error }",
            arg=[BOXES, index],
            timeout=PATIENCE,
        )
        assert box.get_attribute("data-error") is None, f"{page.url}: {name} ({index})"
        drawn.append(name)
    return drawn


def test_every_page_draws_what_its_notebook_holds(page, address, site_folder) -> None:
    # `page` fails the test at its end on any request to another host and any console error.
    drawn = {}
    for name in pages(site_folder):
        page.goto(address + name)
        drawn[name] = draw_everything(page)
        assert drawn[name] == stored_drawings(name), name
    seen = {each for names in drawn.values() for each in names}
    assert set(module_sources()) <= seen  # every view is somewhere in the book


def test_front_door_leads_to_the_first_page(page, address: str) -> None:
    page.goto(f"{address}index.html")
    page.wait_for_url("**/chapters/index.html")
    assert page.locator(".bd-article h1").is_visible()


def test_search_finds_and_shows_a_page(page, address: str) -> None:
    page.goto(f"{address}search.html?q=attention")
    page.wait_for_selector("#search-results ul.search li a")
    page.locator("#search-results ul.search li a").first.click()
    page.wait_for_url("**/chapters/*.html*")
    assert page.locator(".bd-article h1").is_visible()


def test_pages_are_whole_without_scripts(open_page, address: str, site_folder: Path) -> None:
    page = open_page(java_script_enabled=False)
    for name in pages(site_folder):
        page.goto(address + name)
        if name.startswith("chapters/"):
            assert page.locator(".bd-article h1").is_visible(), name
        views = [each for each in stored_drawings(name) if each != "chart"]
        assert page.locator(".llmlab-view").count() == len(views), name
        for view in page.locator(".llmlab-view").all():
            picture = view.locator("img")
            assert picture.count() == 1, name
            assert re.search(r"\d", picture.get_attribute("alt")), f"{name}: alt without numbers"


def test_folded_code_is_named_in_the_books_words(site_folder: Path) -> None:
    folded = [(site_folder / name).read_text(encoding="utf-8") for name in pages(site_folder)]
    assert not any("code cell" in text for text in folded)  # "Show code cell source"
    assert sum("Show the code" in text for text in folded) > 3


def test_pictures_have_words_and_arrive(open_page, site: str, site_folder: Path) -> None:
    page = open_page(java_script_enabled=False)  # a drawn view has replaced its picture
    for name in pages(site_folder):
        page.goto(f"{site}/{name}", wait_until="load")
        images = page.locator("main img").evaluate_all(
            "all => all.map(i => [i.getAttribute('alt'), i.src])"
        )
        for alt, source in images:
            assert alt, f"{name}: a picture without alt text"
            # Sphinx's stand-in where an author wrote none.
            assert not re.search(r"\.(png|svg|jpe?g)$", alt), f"{name}: alt is a file name: {alt}"
            assert page.request.get(source).ok, f"{name}: {source}"


@pytest.mark.parametrize("scripts", [True, False])
def test_phone_needs_no_sideways_scrolling(open_page, site, site_folder, scripts: bool) -> None:
    page = open_page(viewport=PHONE, java_script_enabled=scripts)
    for name in pages(site_folder):
        page.goto(f"{site}/{name}")
        if scripts:
            draw_everything(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{name} is {width} wide"


def luminance(page, selector: str, style: str) -> float:
    """How light an element's colour is, 0 to 1 (relative luminance, WCAG 2)."""
    colour = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{style}")
    channels = [float(x) / 255 for x in re.findall(r"[\d.]+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(open_page, site, site_folder, theme: str) -> None:
    page = open_page()
    page.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
    )
    for name in pages(site_folder):
        if not name.startswith("chapters/"):
            continue
        page.goto(f"{site}/{name}")
        draw_everything(page)
        text = luminance(page, ".bd-article h1", "color")
        ground = luminance(page, "body", "backgroundColor")
        lighter, darker = max(text, ground), min(text, ground)
        assert (lighter + 0.05) / (darker + 0.05) >= 7, name
        assert (ground < 0.2) == (theme == "dark"), name


def test_internal_links_lead_somewhere(page, site: str, site_folder: Path) -> None:
    names: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    for name in pages(site_folder):
        page.goto(f"{site}/{name}", wait_until="domcontentloaded")
        names[name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        hrefs = page.evaluate(
            "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
        )
        links += [(name, href) for href in hrefs]
    assert links
    for here, href in links:
        target, anchor = urldefrag(urljoin(f"{site}/{here}", href))
        if not target.startswith(site):
            continue  # another site: a reader's choice, not the page's
        path = unquote(urlsplit(target).path.lstrip("/")) or "index.html"
        assert (site_folder / path).exists(), f"{here} links to {href}"
        if anchor and path in names:
            assert unquote(anchor) in names[path], f"{here} links to {href}"


def test_pages_stay_light(page, site: str, site_folder: Path) -> None:
    sizes: dict[str, int] = {}
    page.on("response", lambda r: sizes.update({r.url: len(r.body())}) if r.ok else None)
    for name in pages(site_folder):
        sizes.clear()
        page.goto(f"{site}/{name}", wait_until="networkidle")
        scripts = {
            url: size
            for url, size in sizes.items()
            if urlsplit(url).path.endswith(".js") and "/_static/llmlab/" not in url
        }
        assert sum(scripts.values()) <= JAVASCRIPT_LIMIT, f"{name}: {scripts}"


def test_formulas_are_drawn_with_our_font(page, site: str, site_folder: Path) -> None:
    seen = 0
    for name in pages(site_folder):
        page.goto(f"{site}/{name}")
        formulas = page.locator("main math")
        seen += formulas.count()
        if formulas.count():
            loaded = page.evaluate(
                "async () => { await document.fonts.ready; return [...document.fonts]"
                ".filter(f => f.status === 'loaded').map(f => f.family) }"
            )
            assert any("STIX Two Math Book" in family for family in loaded), name
    assert seen


def test_modules_are_those_of_the_package(site_folder: Path) -> None:
    # An old module beside new state would draw wrong numbers.
    for name, source in module_sources().items():
        text = (site_folder / f"_static/llmlab/esm/{name}.js").read_text(encoding="utf-8")
        arguments = text.removeprefix("llmlabRegister(").removesuffix(");\n")
        assert json.loads(f"[{arguments}]") == [name, source]
