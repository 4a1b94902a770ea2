"""Names of what a network's graph takes and gives (`merc.networks.graph`); no torch is needed to know them."""

INPUT = "input/"  # before a modality
LOGITS, MEAN = "logits/", "mean/"  # before a head, such as `coarse` and `fine/text`
PRESENT, VALID, SPEAKERS = "present", "valid", "speakers"
TRUST, UNCERTAINTY = "trust", "uncertainty"
CONVERSATIONS, UTTERANCES = "conversations", "utterances"  # the axes of any length
