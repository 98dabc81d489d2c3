"""The next-token table, step by step: what the model offered, and what was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, percent, visible
from .next_token_state import branch_state, chosen_place, drawn_place

if TYPE_CHECKING:
    from ..run import Run
    from ..step import Step

SHORTEST = 8  # tokens that a branch is generated on for, where its run ends sooner


class NextTokenView(View):
    """Every step of a generation: the candidates with p before and after the filters, and the draw.

    With a kernel a reader may choose another candidate; the text is then generated on from there,
    and the view keeps every branch.

    Args:
        run: what `llmlab.generate` returned.
        step: the step shown first, from 0.

    Raises:
        ValueError: a run without steps, or a step that it does not have.
    """

    _name: ClassVar[str] = "next_token"

    model_name = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.List(help="tokens of the prompt: {id, text}").tag(sync=True)
    branches = traitlets.List(help="{parent, at, steps}: a run, or where it leaves another").tag(
        sync=True
    )
    branch = traitlets.Int(0, help="the branch shown").tag(sync=True)
    step = traitlets.Int(0, help="the step shown, from 0").tag(sync=True)
    can_branch = traitlets.Bool(help="whether the run still has its model").tag(sync=True)
    settings = traitlets.Dict(help="what the sliders say; empty: as recorded").tag(sync=True)
    status = traitlets.Unicode("", help="why the last branch could not be made").tag(sync=True)

    def __init__(self, run: Run, step: int = 0) -> None:
        if not run.steps:
            raise ValueError("the run has no steps; generate at least one token")
        if not 0 <= step < len(run.steps):
            raise ValueError(f"step is {step}; the run has steps 0 to {len(run.steps) - 1}")
        self.runs = [run]
        super().__init__(
            model_name=run.model_name,
            prompt=[{"id": token.id, "text": visible(token.text)} for token in run.prompt_tokens],
            branches=[branch_state(run.steps, parent=None, at=0)],
            step=step,
            can_branch=run.model is not None,
        )
        self.on_msg(self._answer)

    @property
    def run(self) -> Run:
        """The run of the branch that is shown."""
        return self.runs[self.branch]

    @traitlets.validate("branch")
    def _valid_branch(self, proposal: dict[str, Any]) -> int:
        if not 0 <= proposal["value"] < len(self.runs):
            raise ValueError(
                f"branch is {proposal['value']}; there are branches 0 to {len(self.runs) - 1}"
            )
        return proposal["value"]

    @traitlets.validate("step")
    def _valid_step(self, proposal: dict[str, Any]) -> int:
        longest = max(len(run.steps) for run in self.runs)
        if not 0 <= proposal["value"] < longest:
            raise ValueError(f"step is {proposal['value']}; steps go from 0 to {longest - 1}")
        return proposal["value"]

    def picture(self) -> bytes:
        from .next_token_picture import next_token_picture  # matplotlib loads when it is needed

        return next_token_picture(self._shown())

    def alt(self) -> str:
        step = self._shown()
        first = ", ".join(
            f"{visible(row.text)} {percent(row.probability)}" for row in step.candidates[:3]
        )
        by_draw = chosen_place(step) == drawn_place(step)
        how = "The draw {draw:.4f} picked" if by_draw else "Chosen by hand:"
        before = "".join(token["text"] for token in self.prompt)
        before += "".join(visible(earlier.chosen.text) for earlier in self._earlier())
        return (
            f"Next-token table, step {step.index + 1} of {len(self.run.steps)}, after “{before}”: "
            f"{first}. {how.format(draw=step.draw)} {visible(step.chosen.text)}."
        )

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Do what the page asks for: a branch, with the settings on its sliders."""
        try:
            self.choose(
                int(content["id"]),
                step=int(content["step"]),
                branch=int(content["branch"]),
                temperature=content["temperature"],
                top_k=content["top_k"],
                top_p=content["top_p"],
            )
        except (ValueError, RuntimeError) as error:
            self.status = f"This token could not be taken: {error}"

    def choose(
        self, token_id: int, *, step: int | None = None, branch: int | None = None, **settings: Any
    ) -> Run:
        """Take another token in the place of one that was drawn, and show the branch.

        Args:
            step, branch: where to branch; what is shown unless given.
            settings: temperature, top_k and top_p of what follows; the step's own unless given.

        Raises:
            ValueError: as `llmlab.branching.branch`.
        """
        from ..branching import branch as branch_of

        step = self.step if step is None else step
        parent = self.branch if branch is None else branch
        if not 0 <= parent < len(self.runs):
            raise ValueError(f"branch is {parent}; there are branches 0 to {len(self.runs) - 1}")
        run = self.runs[parent]
        shown = run.steps[min(max(step, 0), len(run.steps) - 1)]
        used = {name: getattr(shown, name) for name in ("temperature", "top_k", "top_p")} | settings
        left = max(len(run.steps) - step - 1, SHORTEST)
        new = branch_of(run, step, token_id, left, **used)
        self.runs.append(new)
        with self.hold_sync():
            self.status = ""
            added = branch_state(new.steps[step:], parent=parent, at=step, forced=True)
            self.branches = [*self.branches, added]
            self.branch, self.step = len(self.runs) - 1, step
        return new

    def _shown(self) -> Step:
        return self.run.steps[min(self.step, len(self.run.steps) - 1)]

    def _earlier(self) -> tuple[Step, ...]:
        return self.run.steps[: self.step]
