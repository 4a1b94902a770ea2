"""Files with labels for tests: TextGrids, tables, and what is read from them."""

ROWS = "speaker,words,{}\nMia,come in,{}\nOdo,after you,{}\nMia,no you,{}\n"
TURNS = (  # speaker, words, start, end
    ("Mia", "the kettle is on again", 0.0, 2.0),
    ("Odo", "you said that an hour ago", 2.25, 4.0),
    ("Mia", "well it takes its time", 4.5, 6.0),
    ("Odo", "give me that cup please", 6.0, 8.0),
)


def textgrid(**tiers):
    """A TextGrid of tiers, each a list of (start, end, label); `_` in a name is a blank."""
    last = max(end for rows in tiers.values() for _, end, _ in rows)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(last), "<exists>", str(len(tiers))]
    for name, rows in tiers.items():
        filled, reached = [], 0.0
        for start, end, label in rows:
            filled += [(reached, start, "")] if start > reached else []
            filled.append((start, end, label))
            reached = end
        filled += [(reached, last, "")] if reached < last else []
        lines += ['"IntervalTier"', f'"{name.replace("_", " ")}"', "0", str(last), str(len(filled))]
        lines += [f'{start}\n{end}\n"{label}"' for start, end, label in filled]
    return "\n".join(lines) + "\n"


def of(speaker, labels=None):
    """The tier of a speaker's words, or of labels for the speaker's turns."""
    turns = [(start, end, words) for who, words, start, end in TURNS if speaker in (who, None)]
    if labels is None:
        return turns
    return [(start, end, label) for (start, end, _), label in zip(turns, labels, strict=True) if label]


def talk(**labels):
    return textgrid(Mia=of("Mia"), Odo=of("Odo"), **labels)


def labels_of(corpus):
    return [[u.label for u in c.utterances] for c in corpus.conversations]


def spoken(conversation):
    return [(u.speaker, u.words, u.start, u.end) for u in conversation.utterances]


def put(folder, **files):
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem.replace('__', '/')}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
