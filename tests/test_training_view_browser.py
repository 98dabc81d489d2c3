"""TrainingView in a real browser: its numbers against the record, keyboard, replay, a phone."""

import json
import math
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from llmlab.training import train
from llmlab.views.training import TrainingView
from tests.test_training_view import PROMPTS, made_record
from tests.training_setup import tiny_run

HOSTILE = "<img src=x onerror=alert(1)></script>${}\u202e"
NAMES = {
    "training loss": "loss",
    "validation loss": "validation_loss",
    "perplexity": "perplexity",
    "bits per character": "bits_per_character",
    "learning rate": "learning_rate",
    "tokens a second": "tokens_per_second",
    "gradient norm": "gradient_norm",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a real run, twelve steps long."""
    at = tmp_path_factory.mktemp("training")
    return train(tiny_run(at, samples=PROMPTS, sample_tokens=6))


@pytest.fixture(scope="module")
def entries(run):
    """Its log, read by nothing of the package."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def view(run):
    return TrainingView(run, references={"guessing": math.log(32)})


def near(value: float):
    """Six digits are written."""
    return pytest.approx(value, rel=1e-5)


def written(text: str) -> float:
    return float(text.replace("−", "-"))


def last(entries: list[dict], key: str, step: int) -> dict | None:
    """The last entry with this key up to a step."""
    return next((e for e in reversed(entries) if key in e and e["step"] <= step), None)


def check_numbers(page, entries: list[dict], step: int) -> None:
    """Every number in the table of a checkpoint against the log."""
    table = page.locator("table", has_text=f"The numbers at step {step:,}")
    rows = {row.locator("th").inner_text(): row.locator("td").inner_text()
            for row in table.locator("tbody tr").all()}  # fmt: skip
    assert {"training loss, smoothed", "validation loss − guessing"} <= set(rows)
    for name, key in NAMES.items():
        entry = last(entries, key, step)
        if entry is None:
            assert rows[name] == "–"
            continue
        number, _, at = rows[name].partition(" ")
        assert written(number) == near(entry[key])
        assert at == ("" if entry["step"] == step else f"(step {entry['step']:,})")
    loss = last(entries, "validation_loss", step)
    if loss:
        above = written(rows["validation loss − guessing"])
        assert above == pytest.approx(loss["validation_loss"] - math.log(32), rel=1e-5)


def check_samples(page, entries: list[dict], step: int) -> None:
    at = last(entries, "text", step)["step"]
    texts = [entry for entry in entries if entry["step"] == at and "text" in entry]
    assert page.locator(".llmlab-samples h4").inner_text() == f"What tiny writes at step {at}"
    items = page.locator(".llmlab-samples li")
    expect(items).to_have_count(len(texts))
    for item, entry in zip(items.all(), texts):
        assert item.locator(".llmlab-prompt").text_content() == entry["prompt"]
        assert item.locator(".llmlab-written").text_content() == entry["text"]


def read_out(page) -> tuple[int, str]:
    step, *lines = page.locator(".llmlab-reading").inner_text().split("\n")
    return int(step.removeprefix("Step ").replace(",", "")), "\n".join(lines)


def check_reading(page, entries: list[dict]) -> int:
    """What is read out against the log; returns the step."""
    step, words = read_out(page)
    for name, key in NAMES.items():
        entry = last(entries, key, step)
        found = re.search(rf"\b{name} ([\d.e−]+)( \(step [\d,]+\))?", words)
        if entry is None:
            assert found is None
            continue
        assert written(found[1]) == near(entry[key])
        assert (found[2] is None) == (entry["step"] == step)
    return step


def test_every_checkpoint_by_the_slider(show, view, entries):
    page = show(view, from_file=True)
    slider = page.get_by_label("Checkpoint")
    slider.focus()
    page.keyboard.press("Home")
    for step in (3, 4, 6, 8, 9, 12):
        assert slider.get_attribute("aria-valuetext") == f"step {step} of 12"
        check_numbers(page, entries, step)
        check_samples(page, entries, step)
        page.keyboard.press("ArrowRight")


def test_the_curves_are_read_by_keyboard(show, view, entries):
    page = show(view)
    page.keyboard.press("Tab")  # the steps' scale
    page.keyboard.press("Tab")  # what is below
    page.keyboard.press("Tab")
    curves = page.get_by_label("The curves: read them with the arrow keys")
    expect(curves).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert check_reading(page, entries) == 12
    steps = []
    keys = "Home ArrowLeft ArrowRight ArrowUp ArrowUp ArrowDown PageUp ArrowDown End ArrowUp"
    for key in keys.split():
        page.keyboard.press(key)
        steps.append(check_reading(page, entries))
        assert curves.get_attribute("aria-valuetext").startswith(f"Step {steps[-1]}: training loss")
    # Checkpoints are 3, 4, 6, 8, 9, 12.
    assert steps == [1, 1, 2, 3, 4, 3, 4, 3, 12, 12]
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")  # the checkpoint nearest to step 2
    check_numbers(page, entries, 3)
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details").first.locator("tbody tr")).to_have_count(12)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_curves_are_read_by_pointer(show, run, entries, scale):
    page = show(TrainingView(run, scale=scale))
    box = page.locator(".llmlab-charts").bounding_box()
    left, right = 58, box["width"] - 14  # where the first and the last step stand
    for step in (1, 2, 5, 8, 12):
        share = math.log(step) / math.log(12) if scale == "log" else (step - 1) / 11
        page.mouse.move(box["x"] + left + share * (right - left), box["y"] + 100)
        assert check_reading(page, entries) == step
    page.mouse.click(box["x"] + left, box["y"] + 100)
    check_numbers_of_first = page.locator("table", has_text="The numbers at step 3")
    expect(check_numbers_of_first).to_be_visible()


def drawn(page, chart: int, path: str) -> list[list[tuple[float, float]]]:
    """The pieces of a curve as numbers of the axes, read off the drawing by its ticks."""
    return page.evaluate(
        """([chart, path]) => {
            const number = (text) => Number(text.replaceAll(",", ""));  // 25,000 is one
            const charts = [...document.querySelectorAll(".llmlab-charts svg")];
            const ticks = [...charts[chart].querySelectorAll("text.llmlab-tick")]
                .filter((t) => t.getAttribute("text-anchor") === "end")
                .map((t) => [Number(t.getAttribute("y")) - 4, number(t.textContent)]);
            const [[y1, v1], [y2, v2]] = [ticks[0], ticks.at(-1)];
            const d = charts[chart].querySelector(path).getAttribute("d");
            return d.split("M").slice(1).map((piece) => piece.replace("h0", "").split("L")
                .map((point) => {
                    const [x, y] = point.split(",").map(Number);
                    return [x, v1 + ((y - y1) / (y2 - y1)) * (v2 - v1)];
                }));
        }""",
        [chart, path],
    )


def test_the_drawing_has_the_records_numbers(show, view, entries):
    page = show(view)
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    (points,) = drawn(page, 0, ".llmlab-raw")
    spread = max(losses) - min(losses)
    assert [value for _, value in points] == pytest.approx(losses, abs=spread / 500)
    gaps = np.diff([x for x, _ in points])
    assert gaps == pytest.approx([gaps.mean()] * 11, abs=0.11)  # even steps
    page.get_by_label("Steps").select_option("logarithmic")
    (points,) = drawn(page, 0, ".llmlab-raw")
    xs = np.array([x for x, _ in points])
    shares = np.log(np.arange(1, 13)) / np.log(12)
    assert (xs - xs[0]) / (xs[-1] - xs[0]) == pytest.approx(shares, abs=1e-3)
    for label in ("learning rate", "tokens a second"):
        key = NAMES[label]
        page.get_by_label("Below").select_option(label)
        (points,) = drawn(page, 1, ".llmlab-line")
        values = [entry[key] for entry in entries if key in entry]
        near_enough = (max(values) - min(values)) / 100
        assert [value for _, value in points] == pytest.approx(values, abs=near_enough)
    page.get_by_label("Below").select_option("bits per character")
    assert page.locator(".llmlab-charts svg").nth(1).locator(".llmlab-mark").count() == 3


@pytest.mark.parametrize(
    "key, low, high", [("tokens_per_second", 31_000, 94_000), ("perplexity", 2.3, 4.5)]
)
def test_an_axis_has_two_numbers_at_least(show, key, low, high):
    """Between 31,000 and 94,000 a step of 50,000 leaves one; between 2.3 and 4.5 is no 1, 2, 5."""
    record = made_record(steps=12, every=4)
    climb = np.linspace(low, high, 12).tolist()
    record["curves"]["tokens_per_second"] = [[i + 1, value] for i, value in enumerate(climb)]
    for entry, value in zip(record["evaluations"], np.linspace(low, high, 3), strict=True):
        entry["perplexity"] = float(value)
    page = show(TrainingView(record))
    label = next(label for label, name in NAMES.items() if name == key)
    page.get_by_label("Below").select_option(label)
    chart = page.locator(".llmlab-charts svg").nth(1)
    written_there = chart.locator('.llmlab-tick[text-anchor="end"]').all_text_contents()
    assert len({float(text) for text in written_there}) > 1


def test_the_tables_have_the_records_numbers(show, view, entries):
    page = show(view)
    for summary in page.locator("summary").all():
        summary.click()
    curves, evaluations, samples = (
        [row.locator("th, td").all_text_contents() for row in box.locator("tbody tr").all()]
        for box in page.locator("details").all()
    )
    steps = [entry for entry in entries if "loss" in entry]
    for row, entry in zip(curves, steps, strict=True):
        step, loss, _, rate, speed, norm = map(written, row)
        assert step == entry["step"]
        keys = ("loss", "learning_rate", "tokens_per_second", "gradient_norm")
        assert [loss, rate, speed, norm] == [near(entry[key]) for key in keys]
    measured = [entry for entry in entries if "validation_loss" in entry]
    for row, entry in zip(evaluations, measured, strict=True):
        assert list(map(written, row)) == [near(value) for value in entry.values()]
    texts = [entry for entry in entries if "text" in entry]
    assert samples == [[str(e["step"]), e["prompt"], e["text"]] for e in texts]


def test_the_checkpoints_are_played(show, view, entries):
    page = show(view)
    slider = page.get_by_label("Checkpoint")
    page.get_by_role("button", name="Play").click()
    expect(slider).to_have_attribute("aria-valuetext", "step 3 of 12")
    check_samples(page, entries, 3)
    page.get_by_role("button", name="Pause").click()
    slider.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Play").click()
    expect(slider).to_have_attribute("aria-valuetext", "step 12 of 12")
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # it ends by itself
    check_numbers(page, entries, 12)


def test_with_less_motion_nothing_plays(show, view):
    page = show(view, reduced_motion="reduce")
    assert page.get_by_role("button", name="Play").count() == 0
    assert page.get_by_label("Checkpoint").is_visible()


@pytest.fixture
def five():
    return {f"run {i}": made_record(steps=60 - 10 * i, seed=i) for i in range(5)}


def test_several_runs_are_compared(show, five):
    page = show(TrainingView(five, references={"entropy": 1.9, "by word": 1.95}))
    slider = page.get_by_label("Checkpoint")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # step 40; the last two runs ended before
    table = page.locator("table", has_text="The numbers at step 40")
    rows = [row.locator("th, td").all_inner_texts() for row in table.locator("tr").all()]
    numbers = {row[0]: row[1:] for row in rows}
    assert numbers["number"] == list(five)
    assert numbers["step"] == ["40", "40", "40", "30", "20"]
    for i, record in enumerate(five.values()):
        own = min(40, 60 - 10 * i)
        assert written(numbers["training loss"][i]) == near(record["curves"]["loss"][own - 1][1])
        evaluation = record["evaluations"][own // 10 - 1]
        shown, _, at = numbers["validation loss"][i].partition(" ")
        assert written(shown) == near(evaluation["validation_loss"])
        assert at == ("" if own == 40 else f"(step {own})")
    page.get_by_label("Samples of").select_option("run 4")
    assert page.locator(".llmlab-samples h4").inner_text() == "What run 4 writes at step 20"
    _, words = read_out(page)
    for i, (line, record) in enumerate(zip(words.split("\n"), five.values(), strict=True)):
        ended = f", ended at step {60 - 10 * i}" if i else ""
        assert line.startswith(f"run {i}{ended}: training loss ")
        found = re.search(r"validation loss ([\d.]+)", line)[1]
        assert written(found) == near(record["evaluations"][-1]["validation_loss"])


def test_runs_are_told_apart_without_colour(show, five):
    page = show(TrainingView(five))
    for where in (".llmlab-legend", ".llmlab-charts svg:first-child"):
        dashes, marks = page.evaluate(
            """(where) => [
                [...document.querySelectorAll(`${where} .llmlab-line`)].map((line) =>
                    getComputedStyle(line).strokeDasharray),
                [...document.querySelectorAll(`${where} .llmlab-mark`)].map((mark) =>
                    mark.getAttribute("d"))]""",
            where,
        )
        assert len(dashes) == len(set(dashes)) == 5 and len(set(marks)) == 5


def test_hostile_texts_are_text(show):
    record = made_record(HOSTILE)
    record["samples"] = [{"step": 10, "prompt": HOSTILE, "text": "\0" + HOSTILE},
                         {"step": 20, "prompt": HOSTILE, "text": ""}]  # fmt: skip
    page = show(TrainingView({"one": record, HOSTILE: record}, references={HOSTILE: 1.0}))
    page.get_by_text("The samples as a table").click()
    text = page.locator(".llmlab").inner_text()
    shown = "<img src=x onerror=alert(1)></script>${}U+202E"
    assert f"The training of one, {shown}" in text and "nothing: it stopped at once" in text
    page.get_by_label("Checkpoint").focus()
    page.keyboard.press("Home")
    assert page.locator(".llmlab-samples .llmlab-written").inner_text() == f"␀{shown}"
    assert page.locator(".llmlab-reference-name").text_content() == f"1: {shown}"
    assert page.locator(".llmlab img").count() == 0


def test_gaps_and_records_with_little_in_them(show):
    losses = [[1, 3.0], [2, math.nan], [3, 2.5], [4, 2.0], [5, math.inf], [6, 1.0]]
    views = [
        TrainingView({"curves": {"loss": losses}}),
        TrainingView({"curves": {"loss": [[1, 3.0]]}}),
        TrainingView({"curves": {}, "evaluations": [{"step": 5, "validation_loss": 2.5}]}),
        TrainingView({"curves": {"loss": [[0, 4.0], [1, 3.0]]}}, scale="log"),
    ]
    page = show(*views)
    pieces = drawn(page, 0, ".llmlab-raw")
    assert [len(piece) for piece in pieces] == [1, 2, 1]
    values = [value for piece in pieces for _, value in piece]
    assert values == pytest.approx([3, 2.5, 2, 1], abs=0.01)
    text = page.locator(".llmlab-training").nth(2).inner_text()
    assert "validation loss 2.5" in text and "This run wrote no samples." in text
    for each in page.locator(".llmlab-charts path, .llmlab-charts line").all():
        assert "NaN" not in each.evaluate("node => node.outerHTML")


def test_a_thinned_record_says_so(show):
    record = made_record(steps=3_000, every=500)
    record["curves"]["loss"][1_234][1] = 40.0  # the drawing must not lose it
    view = TrainingView(record)
    page = show(view)
    kept = len(view.runs[0]["steps"])
    assert f"Recorded points that are drawn: made: {kept} of 3,000." in page.inner_text(".llmlab")
    (points,) = drawn(page, 0, ".llmlab-raw")
    assert max(value for _, value in points) == pytest.approx(40, abs=0.1)
    page.get_by_label("The curves: read").focus()
    while read_out(page)[0] != 1_000:
        page.keyboard.press("ArrowDown")
    found = re.match(r"training loss ([\d.]+)", read_out(page)[1])[1]
    assert written(found) == near(record["curves"]["loss"][999][1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, five, scheme):
    references = {"the exact entropy of the text it learns from": 1.9}
    several = TrainingView(five, references=references, scale="log")
    page = show(view, several, viewport={"width": 360, "height": 800}, color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for each in page.locator(".llmlab").all():
        assert each.get_attribute("data-theme") == scheme
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-charts text")].filter((text) => {
            const { x, width } = text.getBBox();
            return x < -0.5 || x + width > text.ownerSVGElement.clientWidth + 0.5;
        }).map((text) => text.textContent)"""
    )
    assert outside == []
    contrasts = page.evaluate(
        """() => {
            const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((v) => {
                const s = v / 255;
                return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
            }).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const root = document.querySelector(".llmlab");
            const paper = light(getComputedStyle(root).backgroundColor);
            return [...document.querySelectorAll(".llmlab-line, .llmlab-mark, .llmlab-moment")]
                .map((part) => {
                    const own = light(getComputedStyle(part).stroke);
                    return (Math.max(own, paper) + 0.05) / (Math.min(own, paper) + 0.05);
                });
        }"""
    )
    assert min(contrasts) >= 3  # WCAG 2, graphics
