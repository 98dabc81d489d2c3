"""Whole runs: what they learn, what they write down, and how they go on after an end."""

import dataclasses
import json
import math
import os
import signal
import threading
import time

import pytest
import torch
import torch.nn.functional as F

import llmlab
from llmlab.checkpoints.own import load_own, load_tokenizer, read_record
from llmlab.training import resume, train
from llmlab.training.checkpoint import found_steps, load_checkpoint
from llmlab.training.log import curve, plot, read_metrics
from llmlab.training.optimizer import learning_rate
from llmlab.training.sampler import TextSampler
from llmlab.training.step import NotFinite
from llmlab.training.token_file import TokenFile
from tests.training_setup import SHAPE, tiny_run, write_tokenizer


def test_a_run_is_a_plain_torch_loop(tmp_path):
    """The same losses from F.cross_entropy, torch's AdamW and clipping, written out."""
    config = tiny_run(tmp_path, micro_batch_size=3)
    run = train(config)
    tokenizer = load_tokenizer(config.data.tokenizer)
    torch.manual_seed(config.seed)
    model = llmlab.Transformer(config.transformer(tokenizer.vocab_size))
    groups = [
        {"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    sampler = TextSampler(TokenFile.open(run / "tokens" / "train.bin"), 8, 48)
    expected = []
    for step in range(12):
        batch = sampler.next()
        logits = model(batch.ids).logits
        loss = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 12, config.optimizer)
        optimizer.step()
        expected.append((step + 1, pytest.approx(loss.item(), rel=1e-4)))
    assert curve(run, "loss") == expected


def test_a_model_learns_its_language(tmp_path):
    """36 sentences, equally likely: no model can do better than ln 36 nats a sentence."""
    run = train(tiny_run(tmp_path, steps=250, evaluate_every=250, checkpoint_every=250,
                         samples=["the cat "]))  # fmt: skip
    file = TokenFile.open(run / "tokens" / "validation.bin")
    best = math.log(36) * file.n_documents / file.n_predicted
    loss = curve(run, "validation_loss")[-1][1]
    assert best * 0.9 < loss < best * 1.25
    bits = curve(run, "bits_per_character")[-1][1]
    assert bits == pytest.approx(loss / math.log(2) * file.n_predicted / file.n_characters)
    model = load_own(run / "model")
    assert llmlab.generate(model, "the cat e", 10, top_k=1).text.startswith("ats ")
    sample = [entry for entry in read_metrics(run) if "text" in entry][-1]
    assert sample["prompt"] == "the cat "
    assert sample["text"].split(" ")[0] in ("eats", "sees", "likes")


def test_what_a_run_leaves_behind(tmp_path):
    run = train(tiny_run(tmp_path, samples=["the "]))
    assert found_steps(run) == [9, 12]  # the last two
    assert plot(run).read_bytes().startswith(b"\x89PNG")
    assert list((run / "tensorboard").glob("events.*"))
    record = json.loads((run / "model" / "training.json").read_text("utf-8"))
    assert record["curves"]["loss"] == [[s, v] for s, v in curve(run, "loss")]
    assert record["config"]["optimizer"]["beta2"] == 0.95 and len(record["samples"]) == 4
    file = TokenFile.open(run / "tokens" / "train.bin")
    assert record["text"] == {
        "documents": file.n_documents,
        "tokens": file.n_predicted,
        "characters": file.n_characters,
    }
    evaluation = record["evaluation"]
    assert evaluation["perplexity"] == pytest.approx(math.exp(evaluation["loss"]))
    for entry in read_metrics(run):
        if "mfu" in entry:
            assert 0 < entry["mfu"] < 1 and entry["tokens_per_second"] > 0
    assert not list(tmp_path.rglob("*.partial"))


def test_tensorboard_reads_the_curve(tmp_path):
    """Parsed by hand: the format of a record is length, its sum, the event, its sum."""
    from tensorboardX.proto.event_pb2 import Event

    run = train(tiny_run(tmp_path))
    data = next((run / "tensorboard").glob("events.*")).read_bytes()
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + size])
        at += size + 16
        found += [(event.step, v.simple_value) for v in event.summary.value if v.tag == "loss"]
    assert found == [(step, pytest.approx(loss, rel=1e-6)) for step, loss in curve(run, "loss")]


@pytest.mark.parametrize("pairs", [False, True])
def test_a_run_in_three_pieces_has_the_same_losses(tmp_path, pairs):
    shape = SHAPE | {"dropout": 0.1} | ({"architecture": "encoder-decoder"} if pairs else {})
    whole = train(tiny_run(tmp_path, pairs, folder="whole", model=shape))
    pieces = tiny_run(tmp_path, pairs, folder="pieces", model=shape)
    run = train(pieces, until=5)
    resume(run, until=7)
    assert not (run / "model").exists()
    resume(run)
    assert curve(run, "loss") == curve(whole, "loss")
    assert curve(run, "learning_rate") == curve(whole, "learning_rate")
    one, other = (load_checkpoint(r / "checkpoints" / "step-00000012") for r in (whole, run))
    for kind in ("weights", "exp_avg", "exp_avg_sq"):
        for name, tensor in getattr(one, kind).items():
            assert torch.equal(tensor, getattr(other, kind)[name]), (kind, name)


def test_a_run_folder_may_be_moved(tmp_path):
    config = tiny_run(tmp_path, folder="a/run")
    train(config, until=6)
    os.rename(tmp_path / "a", tmp_path / "b")
    run = resume(tmp_path / "b" / "run")
    assert found_steps(run)[-1] == 12 and not (tmp_path / "a").exists()


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    config = tiny_run(tmp_path)
    train(config, until=3)
    with pytest.raises(ValueError, match="--resume"):
        train(config)
    with pytest.raises(FileNotFoundError, match="no folder"):
        resume(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no run"):
        resume(tmp_path)


STILL = {"learning_rate": 0.0, "final_learning_rate": 0.0, "warmup_steps": 0}


def test_a_run_begins_with_a_trained_model(tmp_path):
    first = train(tiny_run(tmp_path, weights="float32")) / "model"
    changes = {"steps": 2, "weights": "float32", "optimizer": STILL}
    second = train(tiny_run(tmp_path, folder="second", start="run/model", **changes)) / "model"
    by_chance = train(tiny_run(tmp_path, folder="third", **changes)) / "model"
    learnt, kept, drawn = (
        dict(load_own(folder).transformer.named_parameters())
        for folder in (first, second, by_chance)
    )
    assert all(torch.equal(kept[name], learnt[name]) for name in learnt)
    assert not any(torch.equal(drawn[n], learnt[n]) for n in learnt if learnt[n].dim() == 2)
    record = read_record(second)
    assert record["config"]["start"] == "../run/model"
    assert record["start"] == read_record(first) and record["start"]["start"] is None


def test_a_run_begins_with_no_model_that_does_not_fit(tmp_path):
    train(tiny_run(tmp_path))
    write_tokenizer(tmp_path / "other", ("<eos>", "<pad>", "<bos>"))  # as many tokens
    data = {"train": "train.txt", "validation": "valid.txt", "tokenizer": "other"}
    for changes, error, words in (
        ({"model": SHAPE | {"n_layers": 1}}, ValueError, "another shape"),
        ({"data": data}, ValueError, "another tokenizer"),
        ({"start": "nowhere"}, FileNotFoundError, "nowhere"),
    ):
        values = {"folder": "second", "start": "run/model"} | changes
        with pytest.raises(error, match=words):
            train(tiny_run(tmp_path, **values))


def test_another_shape_does_not_fit_the_checkpoint(tmp_path):
    config = tiny_run(tmp_path)
    train(config, until=3)
    other = dataclasses.replace(config, model={**config.model, "d_ff": 48})
    with pytest.raises(ValueError, match="another shape"):
        resume(config.folder, other)


def test_a_model_and_data_that_do_not_fit(tmp_path):
    config = tiny_run(tmp_path)
    for shape, word in (
        ({"architecture": "encoder"}, "no next token"),
        ({"architecture": "encoder-decoder"}, "learns pairs"),
    ):
        with pytest.raises(ValueError, match=word):
            train(dataclasses.replace(config, model={**config.model, **shape}))


def test_sigterm_ends_with_a_checkpoint(tmp_path):
    config = tiny_run(tmp_path, steps=100_000, checkpoint_every=100_000, evaluate_every=100_000)

    def interrupt():
        while not curve(tmp_path / "run", "loss"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        train(config)
    thread.join()
    (step,) = found_steps(tmp_path / "run")
    assert step == curve(tmp_path / "run", "loss")[-1][0]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_nan_is_reported_with_the_rows_that_caused_it(tmp_path):
    shape = SHAPE | {"tied_embeddings": False, "vocab_size": 40}
    config = tiny_run(tmp_path, model=shape)
    run = train(config, until=3)
    state = load_checkpoint(run / "checkpoints" / "step-00000003")
    tokenizer = load_tokenizer(config.data.tokenizer)
    (letter,) = tokenizer.encode("f")
    state.weights["embedding.token.weight"][letter] = math.nan
    with pytest.raises(NotFinite) as report:
        train(config, state)
    message = str(report.value)
    assert "step 4" in message and "--resume" in message and "\n" not in message
    rows = json.loads((run / "bad-batch-4.json").read_text("utf-8"))
    assert len(rows) == 8
    assert any("f" in row["text"] for row in rows) and any("f" not in row["text"] for row in rows)
    for row in rows:
        assert math.isnan(float(row["loss"])) == ("f" in row["text"])
    assert repr(rows[0]["text"][:60]) in message and f"document {rows[0]['document']}" in message
    texts = (tmp_path / "train.txt").read_text().split("\n\n")
    assert rows[0]["text"].startswith(texts[rows[0]["document"]])
    assert found_steps(run) == [3]


def test_a_gradient_that_is_not_finite_leaves_the_weights(tmp_path):
    config = tiny_run(tmp_path, optimizer={"learning_rate": 1e30, "warmup_steps": 0})
    with pytest.raises(NotFinite, match="lower the learning rate"):
        train(config)
    assert all(math.isfinite(loss) for _, loss in curve(tmp_path / "run", "loss"))


def test_bfloat16_and_rows_without_gaps_learn_as_well(tmp_path):
    config = tiny_run(tmp_path, precision="bfloat16")
    data = dataclasses.replace(config.data, whole_documents=False)
    run = train(dataclasses.replace(config, data=data))
    losses = [loss for _, loss in curve(run, "loss")]
    assert losses[-1] < 0.85 * losses[0]
    weights = load_checkpoint(run / "checkpoints" / "step-00000012").weights
    assert all(weight.dtype == torch.float32 for weight in weights.values())


def test_a_compiled_model_has_the_same_losses(tmp_path, monkeypatch):
    plain = train(tiny_run(tmp_path, folder="plain"))
    seen = []
    compiler = torch.compile

    def capture_only(module):  # what torch.compile captures, without a minute of C++
        seen.append(module)
        return compiler(module, backend="eager")

    monkeypatch.setattr(torch, "compile", capture_only)
    run = train(tiny_run(tmp_path, folder="compiled", compile=True))
    assert len(seen) == 1 and len(curve(run, "loss")) == 12
    for (_, one), (_, other) in zip(curve(plain, "loss"), curve(run, "loss"), strict=True):
        assert other == pytest.approx(one, rel=1e-5)
