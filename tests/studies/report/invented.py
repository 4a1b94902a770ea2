"""An invented study for tests of the report: every number is made up, every name may be an attack."""

import math

from merc.evaluation.calibration import ReliabilityBin
from merc.evaluation.statistics import Difference
from merc.studies.recipe import SeedCounts, StudyRecipe
from merc.studies.results import (
    ArmSummary,
    Cost,
    Curve,
    Estimate,
    Failure,
    Mistake,
    RiskCurve,
    StudySummary,
    TrustCurve,
)

LONG = "pneumonoultramicroscopicsilicovolcanoconiosis" * 4
HOSTILE = (
    "</script><script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">',
    "<svg/onload=window.ran=1>",
    "{{ 7 * 7 }}{% raw %}",
    "a | b `c` [d](https://evil.example/) ![e](//evil.example/e.png) **f** www.evil.example @ada $g^2$",
    "turned \u202egnp.tab\u2066 \u200f \x1b[2J\x07 \x00 \u2028 \ufffe \ud800 end",
    "é 𝄞 שלום سلام 感情",
    LONG,
)
LABELS = {"neutral": 480, "joy": 160, HOSTILE[1]: 120, "sadness & <b>grief</b>": 90, "surprise": 70, "fear": 30, "disgust": 25}
MODALITIES = ("text", "audio", "visual")
HOSTILE_ARM = r"without-<i onclick='x()'>-$\alpha$-&-" + "\u202e"
RIVALS = {
    "sdt": (0.652, MODALITIES, "sdt"),
    "early-fusion": (0.641, MODALITIES, "early_fusion"),
    "unimodal-transformer-text": (0.622, ("text",), "early_fusion"),
    "majority": (0.313, MODALITIES, "majority"),
}
ABLATIONS = {
    "without-corruption": (0.643, MODALITIES, "cmath"),
    "fusion-gated": (0.655, MODALITIES, "cmath"),
    "without-coarse-to-fine": (0.671, MODALITIES, "cmath"),
    HOSTILE_ARM: (0.649, MODALITIES, "cmath"),
}
SIZES = {
    "emotion shift": {"first of its speaker": 210, "no shift": 430, "shift": 335},
    "position": {"1": 80, "2 to 5": 300, "6 to 10": 330, "11 to 20": 230, "21 or more": 35},
    "speakers": {"1": 12, "2": 420, "3": 300, "4 or more": 243},
    "length": {"1 to 5": 90, "6 to 10": 310, "11 to 15": 290, "16 to 20": 200, "21 or more": 85},
}
CMATH_SCORE = 0.6583
AREAS = {"lost": 0.055, "lost at random": 0.04, "noise": 0.03, "all": 0.044}


def wave(*keys):
    """A number between -1 and 1 that hangs on the keys alone."""
    return math.sin(sum((place + 1) * 12.9898 * sum(map(ord, str(key))) for place, key in enumerate(keys)))


def estimate(mean, seeds, spread=0.005, key=""):
    """An estimate whose mean and deviation are those of its values."""
    values = tuple(mean + spread * wave(key, seed) for seed in range(seeds))
    middle = sum(values) / seeds
    sd = None if seeds == 1 else math.sqrt(sum((v - middle) ** 2 for v in values) / (seeds - 1))
    return Estimate(mean=middle, sd=sd, values=values)


def difference(shift, half=0.011, seeds=10):
    """CMATH's difference to an arm; from a little more than half the width on it is significant. One seed has no effect size."""
    verdict = "no difference shown" if abs(shift) < 1.1 * half else "better" if shift > 0 else "worse"
    p = min(1.0, math.exp(-abs(shift) / half * 3))
    return Difference(
        difference=shift,
        low=shift - half,
        high=shift + half,
        level=0.95,
        p=p,
        p_holm=min(1.0, 3 * p),
        effect_size=shift / 0.006 if seeds > 1 else None,
        verdict=verdict,
        score=CMATH_SCORE,
        other_score=CMATH_SCORE - shift,
        seeds=10,
        other_seeds=seeds,
        seeds_resampled=seeds > 1,
        conversations=112,
        resamples=2000,
        standard_error=half / 2,
        degrees_of_freedom=14.2,
        seed_variance=1e-6,
        conversation_variance=2e-5,
        interaction_variance=1e-7,
    )


def curves(score, modalities, key, seeds):
    found = []
    for modality in (*MODALITIES, "any"):
        amounts = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, *((1.0,) if modality != "any" else ()))
        weight = {"text": 0.28, "audio": 0.06, "visual": 0.03, "any": 0.14}[modality] * (modality in (*modalities, "any"))
        found.append(("drop", modality, amounts, [score - weight * (a + 0.1 * wave(key, modality) * a) for a in amounts]))
    for modality in MODALITIES:
        amounts = (0.0, 0.5, 1.0, 2.0)
        weight = {"text": 0.22, "audio": 0.05, "visual": 0.04}[modality] * (modality in modalities)
        found.append(("noise", modality, amounts, [score - weight * min(a, 1.2) for a in amounts]))
    sd = 0.006 if seeds > 1 else None
    return tuple(Curve(kind=k, modality=m, amounts=a, mean=tuple(y), sd=(sd,) * len(a)) for k, m, a, y in found)


def reliability_bins(key, utterances):
    found = []
    for b in range(15):
        confidence = (b + 0.55) / 15
        count = round(utterances * (0.02 + 0.012 * b) * (1 + 0.4 * wave(key, b))) if b > 1 else 0
        accuracy = min(1.0, max(0.0, confidence - 0.08 + 0.05 * wave(key, b, "a")))
        filled = {"confidence": confidence, "accuracy": accuracy} if count else {"confidence": None, "accuracy": None}
        found.append(ReliabilityBin(lower=b / 15, upper=(b + 1) / 15, utterances=count, **filled))
    return tuple(found)


def invented_arm(name, kind, score, modalities, network, seeds, about="", failures=()):
    """One arm; all its numbers follow from its score and its name."""
    majority = network == "majority"
    if majority:
        score_curves = tuple(
            c.model_copy(update={"mean": (score,) * len(c.mean), "sd": (0.0,) * len(c.sd)}) for c in curves(score, (), name, seeds)
        )
    else:
        score_curves = curves(score, modalities, name, seeds)
    latent = network == "cmath"
    shift = CMATH_SCORE - score
    scores = {
        "accuracy": estimate(score + 0.012, seeds, key=name + "a"),
        "weighted_f1": estimate(score, seeds, 0 if majority else 0.005, key=name),
        "macro_f1": estimate(score - 0.19, seeds, 0.009, key=name + "m"),
        "negative_log_likelihood": estimate(1.75 - score, seeds, 0.01, key=name + "n"),
        "expected_calibration_error": estimate(0.06 + 0.02 * wave(name), seeds, 0.006, key=name + "e"),
        "probability_area": estimate(0.85 - score, seeds, key=name + "p"),
    }
    if latent:
        scores["uncertainty_area"] = estimate(0.88 - score, seeds, key=name + "u")
    coverage = tuple(round(0.02 + 0.98 * i / 40, 6) for i in range(41))
    rows = []
    for i, size in enumerate(LABELS.values()):
        share = 0.25 + 0.6 * size / 480
        others = [0.2 + abs(wave(name, i, j)) for j in range(len(LABELS))]
        total = sum(o for j, o in enumerate(others) if j != i)
        rows.append(tuple(size * (share if j == i else (1 - share) * o / total) for j, o in enumerate(others)))
    compared = kind != "cmath"
    return ArmSummary(
        name=name,
        kind=kind,
        about=about,
        network=network,
        modalities=modalities,
        parameters=0 if majority else 1_204_000 + round(40_000 * wave(name)),
        seeds=tuple(range(seeds)),
        planned=seeds,
        selected=estimate(score - 0.012, seeds, key=name + "v"),
        scores=scores,
        per_class={
            label: estimate(0.3 + 0.5 * n / 480 + 0.02 * wave(name, label), seeds, 0.01, label) for label, n in LABELS.items()
        },
        confusion=tuple(rows),
        difference=difference(shift, seeds=seeds) if compared else None,
        reliability=reliability_bins(name, seeds * 975),
        risk=RiskCurve(
            coverage=coverage,
            by_probability=tuple((1 - score) * (0.25 + 0.75 * c) for c in coverage),
            by_uncertainty=tuple((1 - score) * (0.45 + 0.55 * c) for c in coverage) if latent else None,
        ),
        strata={
            grouping: {group: estimate(score + 0.06 * wave(group, name), seeds, 0.012, group) for group in groups}
            for grouping, groups in SIZES.items()
        },
        curves=score_curves,
        areas={area: estimate(score - (0 if majority else loss), seeds, 0.004, area) for area, loss in AREAS.items()},
        area_differences={a: difference(shift + 0.008 * wave(name, a), 0.009, seeds) for a in AREAS} if compared else {},
        trust=tuple(
            TrustCurve(
                modality=m, strengths=(0.0, 0.5, 1.0, 2.0), trust=tuple(t * (1 - 0.35 * min(s, 1.5)) for s in (0, 0.5, 1, 2))
            )
            for m, t in zip(MODALITIES, (0.81, 0.44, 0.37), strict=True)
        )
        if latent
        else (),
        cost=Cost(
            training_cpu_seconds=None if majority else estimate(190 + 40 * wave(name), seeds, 9, name),
            utterances_per_second=estimate(2600 + 900 * wave(name, 1), seeds, 60, name),
            peak_memory_mib=estimate(830 + 60 * wave(name, 2), seeds, 8, name),
            best_epoch=estimate(0 if majority else 17.4, seeds, 0 if majority else 4, name),
        ),
        failures=failures,
    )


def invented_summary(*, protocol="validation", rivals=RIVALS, ablations=ABLATIONS, transcripts=True, unfinished=0, failed=True):
    """The whole study.

    Args:
        protocol: of the study.
        rivals, ablations: name -> weighted F1, modalities, network.
        transcripts: whether mistakes have words.
        unfinished: tasks.
        failed: whether there are failures.
    """
    broken = (Failure(seed=1, split="main", error=f"RuntimeError: {HOSTILE[0]}"),) if failed else ()
    arms = [invented_arm("cmath", "cmath", CMATH_SCORE, MODALITIES, "cmath", 10, "The model of the study.")]
    for place, (name, (score, taken, network)) in enumerate(rivals.items()):
        about = HOSTILE[place % len(HOSTILE)] if place % 2 else "A rival that is as large as CMATH (Nobody et al. 1999)."
        seeds = 1 if network == "majority" else 10 if place < 2 else 5
        arms.append(invented_arm(name, "rival", score, taken, network, seeds, about, broken if place == 1 else ()))
    for name, (score, taken, network) in ablations.items():
        arms.append(invented_arm(name, "ablation", score, taken, network, 3, f"CMATH changed. {HOSTILE[3]}"))
    mistakes = tuple(
        Mistake(
            conversation=f"dia{7 * i}" if i % 9 else HOSTILE[i % len(HOSTILE)],
            utterance=f"dia{7 * i}_utt{i % 11}" if i % 5 else HOSTILE[(i + 2) % len(HOSTILE)],
            true=list(LABELS)[i % 7],
            predicted=list(LABELS)[(i + 1 + i % 3) % 7],
            wrong_seeds=1 - i // 10 / 10,
            probability=0.95 - 0.009 * i,
            transcript=(HOSTILE[i % len(HOSTILE)] if i % 3 == 0 else "Oh, that is so like you.")
            if transcripts and i != 4
            else None,
        )
        for i in range(40)
    )
    return StudySummary(
        study=StudyRecipe(
            name="invented-study",
            about="CMATH, its rivals and its ablations on an invented corpus. Every number is made up.",
            base="invented.yaml",
            protocol=protocol,
            splits=("main",),
            seeds=SeedCounts(),
            rivals=tuple(rivals),
            ablations=tuple(ablations),
        ),
        recipes={arm.name: f"name: {arm.name!r}\nabout: |\n  {HOSTILE[0]}\nmodel: {{name: {arm.network}}}\n" for arm in arms},
        corpus="invented corpus",
        splits=("main",),
        features={
            "text": {"name": "words", "encoder": "all-MiniLM-L6-v2", "version": "1", "dimension": 384},
            "audio": {"name": "planted", "encoder": HOSTILE[1], "version": "2", "dimension": 64},
            "visual": {"name": "planted", "encoder": "planted", "version": "2", "dimension": 32},
        },
        part="test",
        protocol=protocol,
        conversations=112,
        utterances=sum(LABELS.values()),
        support=dict(LABELS),
        strata_sizes=SIZES,
        arms=tuple(arms),
        strongest=tuple(rivals)[:2],
        without_result={"dialogue-rnn": tuple(Failure(seed=s, split="main", error=HOSTILE[s + 4]) for s in range(3))}
        if failed
        else {},
        unfinished=unfinished,
        mistakes=mistakes,
        resamples=2000,
        versions={"merc": "0.1.0", "python": "3.11.2", "torch": "2.10.0", "numpy": "1.26.4"},
        warnings={f"not probed: {HOSTILE[0]}": ("cmath", *list(rivals)[:1])},
        machine={"system": "Linux x86_64", "cores": "2", "threads": "1"},
    )
