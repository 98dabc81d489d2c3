"""All parts of a training run, put together: steps, evaluations, samples, checkpoints."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..checkpoints import own
from ..generation import generate
from ..model import LanguageModel
from ..transformer import Transformer
from .bad_batch import describe_rows, explain, losses_by_row
from .checkpoint import (
    TrainingState,
    find_checkpoint,
    found_steps,
    load_checkpoint,
    save_checkpoint,
)
from .config import TrainingConfig
from .distributed import Processes, distribute, fill, whole
from .evaluation import Evaluation, evaluate
from .files import write_file, write_json
from .log import Log, plot
from .objective import Objective
from .optimizer import learning_rate, make_optimizer, set_learning_rate
from .precision import choose_precision, mixed
from .prepare import check_shape, make_sampler, start_with, token_files
from .random_state import random_state, restore_random_state, seed_all
from .record import training_record
from .sampler import Batch
from .step import NotFinite, StepResult, training_step
from .throughput import flops_per_token, peak_flops

CONFIG = "config.yaml"


class Trainer:
    """All parts of a run, put together."""

    def __init__(
        self,
        config: TrainingConfig,
        device: torch.device,
        team: Processes,
        state: TrainingState | None,
    ) -> None:
        self.config, self.device, self.team = config, device, team
        self.folder = Path(config.folder)
        if state is None and found_steps(self.folder):
            raise ValueError(
                f"{self.folder} holds a run with checkpoints; go on with it by --resume "
                f"{self.folder}, or give another folder"
            )
        self.tokenizer = own.load_tokenizer(config.data.tokenizer)
        self.train_file, self.validation_file = token_files(config, self.tokenizer, team)
        shape = config.transformer(self.tokenizer.vocab_size)
        check_shape(shape, state)
        seed_all(config.seed)
        self.transformer = Transformer(shape).to(device)
        objective = Objective(self.transformer)
        names = [name for name, _ in self.transformer.named_parameters()]
        if state is not None:
            self._restore_weights(state)
        elif config.start:
            start_with(config.start, self.transformer, self.tokenizer)
        self.objective = distribute(objective, team, config.sharding)
        # Asked again later, FSDP's modules might show the whole weights that a forward pass needs
        # and not the parts that the optimiser changes.
        self.parameters = dict(zip(names, self.transformer.parameters(), strict=True))
        self.optimizer = make_optimizer(objective, config.optimizer)
        if config.compile:
            self.objective = torch.compile(self.objective)
        self.sampler = make_sampler(config, shape, self.train_file, self.tokenizer, config.seed)
        self.validation = make_sampler(config, shape, self.validation_file, self.tokenizer, 0)
        self.dtype = choose_precision(config.precision, device)
        self.step, self.evaluation = 0, None
        seed_all(config.seed + team.rank)  # from here on each process draws its own
        if state is not None:
            self._restore(state)
        self.flops = flops_per_token(self.transformer, config.row_length or shape.context_length)
        self.peak = peak_flops(device, self.dtype)
        if state is not None:  # measuring the peak has drawn random numbers
            self._restore_random(state)
        else:
            seed_all(config.seed + team.rank)
        self.log = None
        if team.is_first:
            self._write_config()
            self.log = Log(self.folder, self.step)

    def run(self, until: int, interrupted: Callable[[], int], progress: bool = False) -> None:
        """Take steps until so many are done; then, if they are all, save the model.

        Raises:
            KeyboardInterrupt: after a checkpoint, where ``interrupted()`` is not 0.
        """
        from tqdm import tqdm

        first = self.team.is_first
        bar = tqdm(
            total=self.config.steps,
            initial=self.step,
            desc=self.config.name,
            disable=not (progress and first),
            dynamic_ncols=True,
        )
        with bar:
            while self.step < until:
                started = time.perf_counter()
                result = self.take_step()
                seconds = time.perf_counter() - started
                self._note(result, seconds)
                bar.update()
                bar.set_postfix(loss=f"{result.loss:.4f}", refresh=False)
                is_last = self.step == until
                if is_last or self.step % self.config.evaluate_every == 0:
                    self.evaluate()
                stops = self.team.summed(interrupted()) > 0
                if is_last or stops or self.step % self.config.checkpoint_every == 0:
                    self.save()
                if stops:
                    raise KeyboardInterrupt
        if self.step == self.config.steps and first:
            self.finish()
        self.team.wait()

    def take_step(self) -> StepResult:
        """One step of AdamW."""
        config = self.config
        set_learning_rate(
            self.optimizer, learning_rate(self.step, config.steps, config.optimizer)
        )
        batch = self.sampler.next()
        try:
            result = training_step(
                self.objective,
                self.optimizer,
                batch,
                self.device,
                micro_batch_size=config.micro_batch_size,
                clip=config.optimizer.clip,
                dtype=self.dtype,
                team=self.team,
            )
        except NotFinite as error:
            raise self._explained(error, batch) from None
        self.step += 1
        return result

    def evaluate(self) -> Evaluation:
        """The loss on the validation file, written to the log."""
        with mixed(self.dtype, self.device):
            found = evaluate(
                self.objective,
                self.validation,
                self.config.evaluation_batches,
                self.device,
                self.team.share(self.config.batch_size),
                self.team.summed,
            )
        self.evaluation = found
        if self.log:
            self.log.add(
                self.step,
                validation_loss=found.loss,
                perplexity=found.perplexity,
                bits_per_character=found.bits_per_character,
            )
        return found

    def save(self) -> None:
        """Samples of text, then a checkpoint."""
        state = self.state()
        if not self.team.is_first:
            return
        model = self._language_model(state)
        for prompt in self.config.samples:
            written = generate(model, prompt, self.config.sample_tokens, seed=self.config.seed)
            self.log.add(self.step, prompt=prompt, text=written.text)
        self.transformer.train()
        self.log.sync()
        save_checkpoint(self.folder, state)

    def state(self) -> TrainingState:
        """All that a checkpoint keeps; every process must ask for it."""
        moments = {"exp_avg": {}, "exp_avg_sq": {}}
        for name, parameter in self.parameters.items():
            for kind, kept in moments.items():
                kept[name] = whole(self.optimizer.state[parameter][kind])
        return TrainingState(
            step=self.step,
            weights={name: whole(parameter) for name, parameter in self.parameters.items()},
            config=self._portable_config(),
            sampler=self.sampler.state,
            random=self.team.gathered(random_state()),
            evaluation=dataclasses.asdict(self.evaluation) if self.evaluation else None,
            **moments,
        )

    def finish(self) -> None:
        """The trained model in its own folder, with its record, and the plot."""
        plot(self.folder)
        state = self.state() if self.team.count == 1 else load_checkpoint(
            find_checkpoint(self.folder)
        )
        model = self._language_model(state)
        start = own.read_record(self.config.start) if self.config.start else None
        record = training_record(
            self.folder, self._portable_config(), self.train_file, self.evaluation, start
        )
        own.save_model(
            self.folder / "model",
            model.transformer,
            self.config.data.tokenizer,
            self.config.weights,
            record,
        )

    @contextmanager
    def closing(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self.log:
                self.log.close()

    def _note(self, result: StepResult, seconds: float) -> None:
        if not self.log:
            return
        speed = result.n_tokens / seconds
        self.log.add(
            self.step,
            loss=result.loss,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            gradient_norm=result.gradient_norm,
            tokens_per_second=speed,
            mfu=speed * self.flops / (self.peak * self.team.count),
        )

    def _restore_weights(self, state: TrainingState) -> None:
        for name, parameter in self.transformer.named_parameters():
            fill(parameter, state.weights[name])

    def _restore(self, state: TrainingState) -> None:
        """Optimiser, sampler and step; weights and random states have their own moments."""
        self.step, self.sampler.state = state.step, state.sampler
        if state.evaluation:
            self.evaluation = Evaluation(**state.evaluation)
        for name, parameter in self.parameters.items():
            kept = {"step": torch.tensor(float(state.step), device=parameter.device)}
            for kind in ("exp_avg", "exp_avg_sq"):
                kept[kind] = torch.zeros_like(parameter)
                fill(kept[kind], getattr(state, kind)[name])
            self.optimizer.state[parameter] = kept

    def _restore_random(self, state: TrainingState) -> None:
        if len(state.random) == self.team.count:
            restore_random_state(state.random[self.team.rank])
        else:  # another number of processes: new dropout, not that of the first steps again
            seed_all(self.config.seed + self.team.rank + 1_000_003 * state.step)

    def _language_model(self, state: TrainingState) -> LanguageModel:
        """The model as ``llmlab.load`` would give it; sharded weights are put together."""
        transformer = self.transformer
        if self.team.count > 1:
            transformer = Transformer(transformer.config)
            transformer.load_state_dict(dict(state.weights))
        return LanguageModel(self.config.name, transformer.eval(), self.tokenizer)

    def _portable_config(self) -> dict:
        """The configuration with paths that count from the run's folder."""
        values = self.config.to_dict()
        paths = ("train", "validation", "tokenizer")
        data = {name: os.path.relpath(values["data"][name], self.folder) for name in paths}
        start = values["start"] and os.path.relpath(values["start"], self.folder)
        return values | {"folder": ".", "start": start, "data": values["data"] | data}

    def _write_config(self) -> None:
        import yaml

        self.folder.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(self._portable_config(), allow_unicode=True, sort_keys=False)
        write_file(self.folder / CONFIG, lambda file: file.write(text.encode()))

    def _explained(self, error: NotFinite, batch: Batch) -> NotFinite:
        """The error with the rows that caused it; the whole batch is written to a file."""
        losses = losses_by_row(self.objective, batch, self.device, self.dtype)
        rows = describe_rows(batch, losses, self.train_file, self.tokenizer)
        file = self.folder / f"bad-batch-{self.step + 1}.json"
        if self.team.is_first:
            write_json(file, rows)
        return explain(error, self.step + 1, losses, rows, file)
