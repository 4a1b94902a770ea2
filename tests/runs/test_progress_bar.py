"""Progress where there is no terminal."""

from merc.runs.progress_bar import EVERY, ProgressLines
from merc.runs.training import train


def test_a_log_gets_a_line_now_and_then_with_the_latest_words(tiny_recipe, tiny_corpus, tmp_path):
    lines, now = [], [0.0]
    progress = ProgressLines(lines.append, lambda: now[0])

    def tick(stage, done, total):
        now[0] += EVERY / 2
        progress(stage, done, total)

    tick("reading", 5, None)
    tick("reading", 1_200, None)
    tick("training", 1, 4)
    progress.say("epoch 1/2")
    tick("training", 2, 4)
    tick("training", 3, 4)
    tick("judging", 0, 0)
    assert lines == ["reading: 1,200", "training: 2 of 4 (50 %)  epoch 1/2", "judging: 0"]

    lines.clear()
    clock = iter(range(0, 10**6, 20))
    train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=ProgressLines(lines.append, lambda: float(next(clock))))
    assert lines[0].startswith("training: ") and "epoch 2/3  loss" in lines[-1] and "validation weighted F1" in lines[-1]
