"""The files that a study ends in: `report.html`, `results.md` and `results.parquet`.

Where another part than the test part was judged, its name stands in theirs: `report-validation.html`. With the protocol test-peak
the parquet file's column `comparable` is False throughout; so it is where validation, which chose the epochs, was judged.
"""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pyarrow as pa

from merc.files.parquet import parquet_bytes
from merc.files.posix import rights_like
from merc.files.staged_file import sweep_temporaries, write_atomically
from merc.studies.report.markdown import render_markdown
from merc.studies.report.page import render_page
from merc.studies.results import ArmSummary, StudySummary

_SCORES = (
    "weighted_f1",
    "accuracy",
    "macro_f1",
    "negative_log_likelihood",
    "expected_calibration_error",
    "probability_area",
    "uncertainty_area",
)


def write_report(summary: StudySummary, folder: str | Path, like: Sequence[str | Path] = ()) -> tuple[Path, ...]:
    """Writes the three files, each whole, and removes what a killed process left in the folder.

    Args:
        summary: what they tell.
        folder: the study's.
        like: what the words in it were read from; nobody may read the files who may not read that (see `rights_like`).

    Raises:
        OSError: the folder can't be written.
    """
    suffix = "" if summary.part == "test" else f"-{summary.part}"
    names = (f"report{suffix}.html", f"results{suffix}.md", f"results{suffix}.parquet")
    sweep_temporaries(folder)
    page, text, table = (Path(folder) / name for name in names)
    rights = rights_like(map(Path, like), Path(folder))
    write_atomically(page, render_page(summary).encode("utf-8"), rights)
    write_atomically(text, render_markdown(summary).encode("utf-8"), rights)
    write_atomically(table, parquet_bytes(results_table(summary)), rights)
    return page, text, table


def results_table(summary: StudySummary) -> pa.Table:
    """One row for each arm, seed and area, and one for each arm and seed without loss or noise.

    Columns: arm, kind, network, parameters, seed, part, protocol, comparable, area (empty: nothing lost or perturbed), weighted_f1;
    where nothing is lost also the other scores, best_epoch, training_cpu_seconds, utterances_per_second, selection_weighted_f1 and
    F1 of each class.
    """
    rows = [row for arm in summary.arms for row in _rows(arm, summary)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    comparable = summary.caution or "comparable"
    return table.replace_schema_metadata({"study": summary.study.name, "part": summary.part, "comparable": comparable})


def _rows(arm: ArmSummary, summary: StudySummary) -> Generator[dict[str, object]]:
    cost = arm.cost
    clean = {name: arm.scores[name] for name in _SCORES if name in arm.scores}
    clean |= {"selection_weighted_f1": arm.selected, "best_epoch": cost.best_epoch}
    clean["utterances_per_second"] = cost.utterances_per_second
    if cost.training_cpu_seconds is not None and len(cost.training_cpu_seconds.values) == len(arm.seeds):
        clean["training_cpu_seconds"] = cost.training_cpu_seconds
    clean |= {f"f1/{label}": estimate for label, estimate in arm.per_class.items()}
    for i, seed in enumerate(arm.seeds):
        same: dict[str, object] = {
            "arm": arm.name,
            "kind": arm.kind,
            "network": arm.network,
            "parameters": arm.parameters,
            "seed": seed,
            "part": summary.part,
            "protocol": summary.protocol,
            "comparable": not summary.caution,
        }
        yield {**same, "area": "", **{name: estimate.values[i] for name, estimate in clean.items()}}
        yield from ({**same, "area": name, "weighted_f1": estimate.values[i]} for name, estimate in arm.areas.items())
