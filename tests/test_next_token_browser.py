"""NextTokenView in a browser: its numbers against torch and Hugging Face, keyboard, themes."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

import llmlab
from llmlab.views import module_sources
from llmlab.views.embedding import EmbeddingView
from llmlab.views.next_token import NextTokenView
from llmlab.views.next_token_state import step_state
from tests.test_next_token_view import HOSTILE, step_of

PROMPT = "问：如何进行机器学习？\n答："
SETTINGS = [
    (1.0, None, None),
    (0.1, None, None),
    (2.0, None, None),
    (0.35, 20, None),
    (1.0, 1, None),
    (1.7, 50, 0.5),
    (1.0, None, 0.9),
    (2.0, None, 0.99),
    (0.7, None, 0.05),
]
REFILTER = """async ([source, state, settings]) => {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { readStep, refilter } = await import(address);
    const step = readStep(state);
    return settings.map(([temperature, topK, topP]) => refilter(step, { temperature, topK, topP }));
}"""


@pytest.fixture(scope="module")
def run(gemma):  # noqa: F811
    return llmlab.generate(gemma, PROMPT, 6, temperature=0.7, top_p=0.95, seed=0)


@pytest.fixture(scope="module")
def logits(run, gemma):  # noqa: F811
    """The logits that each step was made from, in one pass without a cache, (step, vocab)."""
    ids = [token.id for token in (*run.prompt_tokens, *run.tokens[:-1])]
    with torch.inference_mode():
        all_logits = gemma.transformer(torch.tensor([ids])).logits[0].double()
    return all_logits[len(run.prompt_tokens) - 1 :]


def warped(logits, temperature, top_k, top_p):
    """Hugging Face's distribution after the three filters, (vocab,)."""
    scores = TemperatureLogitsWarper(float(temperature))(None, logits[None])
    if top_k is not None:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p is not None:
        scores = TopPLogitsWarper(top_p)(None, scores)
    return scores.softmax(dim=-1)[0]


def shown(page, column: int) -> dict[int, float]:
    """The numbers of a column of the table, by token id; a share as it is written, in per cent."""
    script = """([column]) => [...document.querySelectorAll(".llmlab-candidates tbody tr[data-id]")]
        .map((row) => [Number(row.dataset.id), row.cells[column].textContent])"""
    numbers = {}
    for id, text in page.evaluate(script, [column]):
        text = text.removesuffix(" %").replace("−", "-")
        if text not in ("–",) and not text.startswith("<"):
            numbers[id] = float(text)
    return numbers


def press(page, key: str, times: int = 1) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def test_the_page_shows_the_models_numbers(show, run, logits):
    page = show(NextTokenView(run), from_file=True)
    for index, row in enumerate(logits):
        if index:
            page.locator('[role="radio"]').nth(index).click()
        p, sampling = row.softmax(dim=-1), warped(row, 0.7, None, 0.95)
        assert len(shown(page, 3)) >= 10
        for id, value in shown(page, 3).items():
            assert value == pytest.approx(100 * float(p[id]), abs=0.011)
        for id, value in shown(page, 4).items():
            assert value == pytest.approx(100 * float(sampling[id]), abs=0.011)
        for id, value in shown(page, 2).items():
            assert value == pytest.approx(float(row[id]), abs=0.011)
        step = run.steps[index]
        first = page.locator(".llmlab-candidates tbody tr").first
        assert first.get_attribute("data-id") == str(step.candidates[0].id)
        chosen = page.locator(".llmlab-candidates tr.llmlab-chosen")
        assert chosen.get_attribute("data-id") == str(step.chosen.id)
        assert f"{step.draw:.4f}" in page.locator(".llmlab-draw").inner_text()


def test_refiltering_in_the_page_is_right_to_a_thousandth(page, run, logits):
    source = module_sources()["next_token"]
    for index in (0, 3):
        results = page.evaluate(REFILTER, [source, step_state(run.steps[index]), SETTINGS])
        ids = [row.id for row in run.steps[index].candidates]
        for settings, result in zip(SETTINGS, results):
            expected = warped(logits[index], *settings)
            got = torch.tensor([row["sampling"] for row in result["rows"]])
            assert (got - expected[ids]).abs().max() < 1e-3, settings
            kept = torch.tensor([row["kept"] for row in result["rows"]])
            assert torch.equal(kept, expected[ids] > 0), settings
            n_kept = int((expected > 0).sum())
            assert result["keptTokens"] == pytest.approx(n_kept, rel=0.02, abs=1)
            order = expected.sort(descending=True, stable=True)
            drawn = order.indices[(order.values.cumsum(0) > run.steps[index].draw).nonzero()[0]]
            if result["drawn"] >= 0:
                assert ids[result["drawn"]] == int(drawn)
            else:
                assert int(drawn) not in ids


@pytest.mark.parametrize("spread", [0.3, 1.0, 4.0])
def test_refiltering_of_any_spread_of_logits(page, spread):
    logits = torch.randn(262_144, generator=torch.Generator().manual_seed(2)) * spread
    step = step_of(logits, 0.3)
    results = page.evaluate(REFILTER, [module_sources()["next_token"], step_state(step), SETTINGS])
    ids = [row.id for row in step.candidates]
    for settings, result in zip(SETTINGS, results):
        expected = warped(logits.double(), *settings)[ids]
        got = torch.tensor([row["sampling"] for row in result["rows"]], dtype=torch.float64)
        assert (got - expected).abs().max() < 1e-3, settings


def test_equal_logits_stay_together_in_top_k(page):
    logits = torch.tensor([3.0, 2.0, 2.0, 2.0, 1.0, 0.0])
    state = step_state(step_of(logits, 0.5))
    settings = [(1.0, 2, None), (1.0, 1, None)]
    two, one = page.evaluate(REFILTER, [module_sources()["next_token"], state, settings])
    assert [row["kept"] for row in two["rows"]] == [True] * 4 + [False] * 2
    assert [row["kept"] for row in one["rows"]] == [True] + [False] * 5
    assert [row["sampling"] for row in two["rows"]] == pytest.approx(
        TopKLogitsWarper(2)(None, logits[None]).softmax(-1)[0].tolist()
    )


def test_sliders_refilter_and_say_what_the_draw_would_pick(show, run, logits):
    page = show(NextTokenView(run))
    page.get_by_label("Temperature").focus()
    press(page, "ArrowLeft", 20)  # 0.70 to 0.50
    expected = warped(logits[0], 0.5, None, 0.95)
    for id, value in shown(page, 4).items():
        assert value == pytest.approx(100 * float(expected[id]), abs=0.1)
    order = expected.sort(descending=True, stable=True)
    drawn = int(order.indices[(order.values.cumsum(0) > run.steps[0].draw).nonzero()[0]])
    said = page.locator(".llmlab-live").inner_text()
    if drawn == run.steps[0].chosen.id:
        assert "still picks it" in said
    else:
        assert "would pick" in said and "would be drawn now" in page.locator(
            f'tr[data-id="{drawn}"]'
        ).inner_text()
    page.get_by_role("button", name="Back to the recorded settings").click()
    recorded = warped(logits[0], 0.7, None, 0.95)
    for id, value in shown(page, 4).items():
        assert value == pytest.approx(100 * float(recorded[id]), abs=0.011)
    assert "the same draw" not in page.locator(".llmlab-live").inner_text()


def test_by_keyboard_alone(show, run):
    page = show(NextTokenView(run))
    press(page, "Tab")
    assert page.evaluate("document.activeElement.role") == "radio"
    press(page, "ArrowRight", 2)
    assert "Step 3 of 6" in page.locator(".llmlab-live").inner_text()
    press(page, "End")
    assert "Step 6 of 6" in page.locator(".llmlab-live").inner_text()
    press(page, "Home")
    assert "Step 1 of 6" in page.locator(".llmlab-live").inner_text()
    for label in ("Temperature", "Top-k", "Top-p"):
        press(page, "Tab")
        assert label in page.evaluate("document.activeElement.labels[0].textContent")
    press(page, "ArrowLeft", 45)  # top-p from 0.95 to 0.50
    assert "With these settings" in page.locator(".llmlab-live").inner_text()
    press(page, "Tab")
    press(page, "Enter")  # back to the recorded settings
    assert "With these settings" not in page.locator(".llmlab-live").inner_text()
    page.get_by_role("button", name="Show all 50").focus()
    press(page, "Enter")
    assert page.locator("tbody tr[data-id]").count() >= 50
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_another_view_on_the_page_does_not_change_its_style(show, run, gemma):  # noqa: F811
    page = show(NextTokenView(run), EmbeddingView(gemma, ["猫", "狗"], neighbours=2))
    chosen = page.locator(".llmlab-chosen td").first
    assert chosen.evaluate("cell => getComputedStyle(cell).fontWeight") == "600"


def test_branching_waits_for_a_kernel(show, run):
    page = show(NextTokenView(run))
    assert page.get_by_role("button", name="Take").count() == 0
    assert "where a model runs" in page.locator(".llmlab-next-token").inner_text()


def test_a_kernel_is_asked_for_the_branch_and_its_answer_shown(page, run):
    """The module with a model that hands messages to Python, as a kernel does."""
    view = NextTokenView(run)
    page.expose_function("ask", lambda content: (view._answer(view, content, []), live(view))[1])
    page.goto("about:blank")
    page.evaluate(
        """async ([source, state]) => {
        const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
        const { default: module } = await import(address);
        const listeners = {};
        const model = {
          get: (name) => state[name],
          set: (name, value) => {
            state[name] = value;
            (listeners[`change:${name}`] ?? []).forEach((listener) => listener());
          },
          on: (name, listener) => (listeners[name] ??= []).push(listener),
          off: () => {},
          save_changes: () => {},
          send: async (content) => {
            Object.assign(state, await window.ask(content)); // all together, then the events
            for (const name of ["branches", "branch", "step"]) model.set(name, state[name]);
          },
        };
        const el = document.createElement("div");
        document.body.append(el);
        module.render({ model, el });
    }""",
        [module_sources()["next_token"], live(view)],
    )
    other = next(row for row in run.steps[0].candidates if row.id != run.steps[0].chosen.id)
    page.locator(f'tr[data-id="{other.id}"] button').focus()
    press(page, "Enter")
    page.wait_for_selector(".llmlab-branches:not([hidden])")
    assert page.locator(".llmlab-chosen").get_attribute("data-id") == str(other.id)
    assert "chosen by hand" in page.locator(".llmlab-live").inner_text()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Branch").select_option("0")
    assert page.locator(".llmlab-chosen").get_attribute("data-id") == str(run.steps[0].chosen.id)


def live(view):
    return {**view.state(), "kernel": True}


def test_hostile_tokens_are_text(show, run):
    import dataclasses

    from llmlab.tokenizers.token import Token

    step = step_of(torch.arange(6.0), 0.5, texts=HOSTILE)
    prompt = tuple(Token(i, text, b"") for i, text in enumerate(HOSTILE))
    page = show(NextTokenView(dataclasses.replace(run, steps=(step,), prompt_tokens=prompt)))
    table = page.locator(".llmlab-candidates").inner_text()
    marks = ("U+200FU+202Eabc", "␀", "U+D800")
    for text in ("<img·src=x·onerror=alert(1)>", "</script>", "${}", *marks):
        assert text in table
    assert page.locator(".llmlab img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, run, scheme):
    view = NextTokenView(run)
    page = show(view, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.get_by_role("button", name="Show all").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    overflowing = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-next-token *")].filter((node) =>
            node.getBoundingClientRect().right > innerWidth &&
            !node.closest(".llmlab-segments")).length"""
    )
    assert overflowing == 0
    assert page.locator(".llmlab").get_attribute("data-theme") == scheme
