"""From a recording to the sound of each utterance."""
