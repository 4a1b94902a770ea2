"""Evaluating a finished run: every look is on record, and what does not fit is refused."""

import errno
import json
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from merc.data.schema import LabelSet
from merc.errors import DataError, FeatureError, RecipeError, RunError
from merc.evaluation.perturbation import Perturbation
from merc.evaluation.report import Conditions
from merc.runs.evaluation import evaluate


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evaluating_leaves_a_line_in_the_log_and_test_must_be_asked_for(trained, tiny_corpus, tmp_path):
    run = trained(training={"seed": 8})
    default = evaluate(run.folder, corpus=tiny_corpus).report
    assert default.part == "validation"
    conditions = Conditions(without=("audio",), corrupt=(Perturbation(modality="text", kind="noise", amount=1.0),))
    on_test = evaluate(
        run.folder, part="test", conditions=conditions, corpus=tiny_corpus, predictions=tmp_path / "p.parquet"
    ).report
    log = lines(run.folder / "log.jsonl")
    assert [entry["judged"] for entry in log] == ["validation", "test"]
    assert log[1]["conditions"]["without"] == ["audio"]
    assert log[1]["conditions"]["corrupt"] == [{"modality": "text", "kind": "noise", "amount": 1.0}]
    for entry, report in zip(log, (default, on_test), strict=True):
        assert (entry["weighted_f1"], entry["accuracy"]) == (report.coarse.weighted_f1, report.coarse.accuracy)
        assert (entry["corpus"], entry["split"]) == ("synthetic", "official")
        assert entry["time"].endswith("+00:00")
    assert pq.read_table(tmp_path / "p.parquet").num_rows == sum(len(c) for c in tiny_corpus.part("official", "test"))
    assert default.coarse.weighted_f1 == run.outcome.best_score


def test_a_look_whose_predictions_cannot_be_written_is_on_record(trained, tiny_corpus, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("merc.inference.table.write_atomically", full)
    shutil.copytree(trained().folder, tmp_path / "run", ignore=shutil.ignore_patterns("log.jsonl"))
    with pytest.raises(DataError, match="can't be written"):
        evaluate(tmp_path / "run", part="test", corpus=tiny_corpus, predictions=tmp_path / "p.parquet")
    assert [entry["judged"] for entry in lines(tmp_path / "run/log.jsonl")] == ["test"]


def test_judging_what_is_no_run_or_does_not_fit(trained, tiny_corpus, tmp_path):
    with pytest.raises(RunError, match="no finished run here"):
        evaluate(tmp_path, corpus=tiny_corpus)
    other = tiny_corpus.feature_schema[0].model_copy(update={"encoder": "minilm"})
    corpus = replace(tiny_corpus, feature_schema=(other, *tiny_corpus.feature_schema[1:]))
    with pytest.raises(
        FeatureError, match="feature text/planted of corpus 'synthetic': encoder minilm; the model was trained on planted"
    ):
        evaluate(trained().folder, corpus=corpus)
    with pytest.raises(RecipeError, match="unknown modality 'smell'; the model has: text, audio, visual"):
        evaluate(trained().folder, corpus=tiny_corpus, conditions=Conditions(without=("smell",)))


def test_a_corpus_of_other_labels_is_refused(trained, tiny_corpus):
    bare = tuple(replace(c, utterances=tuple(replace(u, label=None) for u in c.utterances)) for c in tiny_corpus.conversations)
    corpus = replace(tiny_corpus, conversations=bare, label_set=LabelSet(names=("up", "down")))
    with pytest.raises(RunError, match="the model knows the labels calm, cross, glad; corpus 'synthetic' has up, down"):
        evaluate(trained().folder, corpus=corpus)
