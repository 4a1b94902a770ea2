"""A gallery of the layouts of plain text: what each tool writes of the same talk, and how it is read.

The talk is invented. Titles, dates and what wrote a file are no speech.
"""

GALLERY = {
    "names": (
        "Mia Falk: Who took the ladder?\nTom: Not me.\nMia Falk: Then who?\n",
        [
            ("Mia Falk", "Who took the ladder?", None, None),
            ("Tom", "Not me.", None, None),
            ("Mia Falk", "Then who?", None, None),
        ],
    ),
    "names, times before": (
        "[00:00:04] Mia: Who took the ladder?\n[00:00:07] Tom: Not me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 7),
            ("Tom", "Not me.", 7, None),
        ],
    ),
    "names, spans after": (
        "Mia (00:04 - 00:06): Who took the ladder?\nTom (00:07 - 00:08): Not me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6),
            ("Tom", "Not me.", 7, 8),
        ],
    ),
    "name and time before words, without a colon": (
        "Mia [00:00:04] Who took the ladder?\n\nTom [00:00:07] Not me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 7),
            ("Tom", "Not me.", 7, None),
        ],
    ),
    "label and time before words": (
        "[SPEAKER_00] 00:00:04 Who took the ladder?\n[SPEAKER_01] 00:00:07 Not me.\n[SPEAKER_01] 00:00:09 Ask her.\n",
        [
            ("SPEAKER_00", "Who took the ladder?", 4, 7),
            ("SPEAKER_01", "Not me.", 7, 9),
            ("SPEAKER_01", "Ask her.", 9, None),
        ],
    ),
    "times behind colons": (
        "Mia: 00:04 Who took the ladder?\n\nTom: 00:07 Not me.\nI swear.\n\nMia: 1:00:09 Then who?\n",
        [
            ("Mia", "Who took the ladder?", 4, 7),
            ("Tom", "Not me. I swear.", 7, 3609),
            ("Mia", "Then who?", 3609, None),
        ],
    ),
    "names in brackets of East Asia": (
        "【司会】梯子は誰が。\n【田中】私ではない。\n【司会】では誰が。\n【田中】知らない。\n",
        [
            ("司会", "梯子は誰が。", None, None),
            ("田中", "私ではない。", None, None),
            ("司会", "では誰が。", None, None),
            ("田中", "知らない。", None, None),
        ],
    ),
    "record of a court": (
        "                                          31\n"
        " 1                  CROSS-EXAMINATION\n"
        " 2   BY MS. FALK:\n"
        " 3   Q.   Who took the ladder\n"
        " 4   that night?\n"
        " 5   A.   Not me.\n"
        " 6        (Pause in proceedings.)\n"
        " 7            MR. ASH:  Objection.\n"
        " 8            THE COURT:  Overruled.\n"
        " 9   Q    Then who?\n"
        "10   A    Uwe Ort.\n"
        "                                          32\n"
        " 1   Q.   (By Ms. Falk)  Why?\n"
        " 2   A.   He had none.\n"
        " 3\n"
        " 4            THE COURT:  Thank you.\n",
        [
            ("Q", "Who took the ladder that night?", None, None),
            ("A", "Not me.", None, None),
            ("MR. ASH", "Objection.", None, None),
            ("THE COURT", "Overruled.", None, None),
            ("Q", "Then who?", None, None),
            ("A", "Uwe Ort.", None, None),
            ("Q", "Why?", None, None),
            ("A", "He had none.", None, None),
            ("THE COURT", "Thank you.", None, None),
        ],
    ),
    "numbered lines": (
        "14  M:  who took\n15      the ladder\n16  T:  not me\n17  M:  then who\n18      (1.2)\n19  T:  ask Uwe\n",
        [
            ("M", "who took the ladder", None, None),
            ("T", "not me", None, None),
            ("M", "then who", None, None),
            ("T", "ask Uwe", None, None),
        ],
    ),
    "script": (
        "INT. ROOF - DAY\n\n          MIA\nWho took the ladder?\n\n          TOM (O.S.)\nNot me.\n\n          MIA (CONT'D)\n"
        "Then who?\n\n          TOM\nAsk Uwe.\n",
        [
            ("MIA", "Who took the ladder?", None, None),
            ("TOM", "Not me.", None, None),
            ("MIA", "Then who?", None, None),
            ("TOM", "Ask Uwe.", None, None),
        ],
    ),
    "CHAT, with its head": (
        "@Begin\n@Participants:\tMIA Mia Child, TOM Tom Father\n*MIA:\twho took <the> [/] the ladder ? \x154000_6000\x15\n"
        "%mor:\tpro|who v|take\n*TOM:\tnot me ,\n\tnot me . \x157000_8000\x15\n@End\n",
        [
            ("Mia", "who took the the ladder?", 4, 6),
            ("Tom", "not me, not me.", 7, 8),
        ],
    ),
    "CHAT, without": (
        "*MIA: who took the ladder ?\n%com: points at it\n*TOM: not me (.) xxx .\n*MIA: then who ?\n",
        [
            ("MIA", "who took the ladder?", None, None),
            ("TOM", "not me.", None, None),
            ("MIA", "then who?", None, None),
        ],
    ),
    "names in italics": (
        "*Mia:* Who took the ladder?\n\n_Tom_: Not *me*.\n\n*Mia:* Then who?\n",
        [
            ("Mia", "Who took the ladder?", None, None),
            ("Tom", "Not *me*.", None, None),
            ("Mia", "Then who?", None, None),
        ],
    ),
    "names in brackets over words, one of them once": (
        "[Mia]\nWho took the ladder?\n\n[Tom]\nNot me.\n\n[Mia]\nThen who?\n",
        [
            ("Mia", "Who took the ladder?", None, None),
            ("Tom", "Not me.", None, None),
            ("Mia", "Then who?", None, None),
        ],
    ),
    "labels with colons over words, not all after blank lines": (
        "Speaker 1:\nWho took the ladder?\nSpeaker 2:\nNot me.\n\nSpeaker 1:\nThen who?\n",
        [
            ("Speaker 1", "Who took the ladder?", None, None),
            ("Speaker 2", "Not me.", None, None),
            ("Speaker 1", "Then who?", None, None),
        ],
    ),
    "names, some with brackets, over times in brackets": (
        "Mia Falk [Roofs] (0:04)\nWho took the ladder?\n\nTom Ash (0:07)\nNot me.\n",
        [
            ("Mia Falk [Roofs]", "Who took the ladder?", 4, 7),
            ("Tom Ash", "Not me.", 7, None),
        ],
    ),
    "labels and seconds": (
        "SPEAKER_00 [4.00 - 6.50]: Who took the ladder?\nSPEAKER_01 [7.00 - 7.50]: Not me.\nSPEAKER_00 [8.00 - 8.50]: Then who?\n",
        [
            ("SPEAKER_00", "Who took the ladder?", 4, 6.5),
            ("SPEAKER_01", "Not me.", 7, 7.5),
            ("SPEAKER_00", "Then who?", 8, 8.5),
        ],
    ),
    "numbers over times": (
        "1\n00:00:04.000 - 00:00:06.000\nMia: Who took the ladder?\n\n2\n00:00:07.000 - 00:00:08.000\nTom: Not me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6),
            ("Tom", "Not me.", 7, 8),
        ],
    ),
    "minutes and seconds": (
        "00m04s Mia: Who took the ladder?\n00m07s Tom: Not me.\n01m02s Mia: Then who?\n",
        [
            ("Mia", "Who took the ladder?", 4, 7),
            ("Tom", "Not me.", 7, 62),
            ("Mia", "Then who?", 62, None),
        ],
    ),
    "YouTube's page": (
        "0:04\n4 seconds\nwho took the ladder\n1:07\n1 minute, 7 seconds\nnot me\n",
        [
            (None, "who took the ladder", 4, 67),
            (None, "not me", 67, None),
        ],
    ),
    "bold names": (
        "**Mia Falk:** Who took the ladder?\n__Tom__: Not me.\n**Mia Falk**: Then who?\n",
        [
            ("Mia Falk", "Who took the ladder?", None, None),
            ("Tom", "Not me.", None, None),
            ("Mia Falk", "Then who?", None, None),
        ],
    ),
    "broadcast": (
        "MIA FALK, ROOFER: Who took\nthe ladder?\nTOM ASH (voice-over): Not me.\nFALK: Then who?\nUWE ORT, EVENING POST: We did.\n",
        [
            ("MIA FALK", "Who took the ladder?", None, None),
            ("TOM ASH", "Not me.", None, None),
            ("FALK", "Then who?", None, None),
            ("UWE ORT", "We did.", None, None),
        ],
    ),
    "display names": (
        "mia falk: Who took the ladder?\n"
        "tom_a: Not me.\n"
        "mia falk: Then who?\n"
        "Uwe (he/him): We did.\n"
        "roof@firm.example: Why?\n"
        "Ina | Roofs Ltd: Ask him.\n"
        "Dr. Eva Holm, PhD: Do.\n"
        "2nd Floor: Quiet.\n",
        [
            ("mia falk", "Who took the ladder?", None, None),
            ("tom_a", "Not me.", None, None),
            ("mia falk", "Then who?", None, None),
            ("Uwe", "We did.", None, None),
            ("roof@firm.example", "Why?", None, None),
            ("Ina | Roofs Ltd", "Ask him.", None, None),
            ("Dr. Eva Holm, PhD", "Do.", None, None),
            ("2nd Floor", "Quiet.", None, None),
        ],
    ),
    "names in brackets": (
        "[Mia] Who took the ladder?\n[Tom] Not me.\n[laughs] I swear.\n[Mia] Then who?\n[Tom] Ask Uwe.\n",
        [
            ("Mia", "Who took the ladder?", None, None),
            ("Tom", "Not me. I swear.", None, None),
            ("Mia", "Then who?", None, None),
            ("Tom", "Ask Uwe.", None, None),
        ],
    ),
    "Otter": (
        "Mia Falk  0:04  \n"
        "Who took the ladder? It was\n"
        "here at 10:30\n"
        "\n"
        "Unknown Speaker  59:59  \n"
        "Not me.\n"
        "\n"
        "Mia Falk  1:00:02  \n"
        "Then who?\n"
        "\n"
        "Transcribed by https://otter.ai\n",
        [
            ("Mia Falk", "Who took the ladder? It was here at 10:30", 4, 3599),
            (None, "Not me.", 3599, 3602),
            ("Mia Falk", "Then who?", 3602, None),
        ],
    ),
    "Otter without names": (
        "0:04  \nWho took the ladder?\n\n0:07\nNot me.\n\nTranscribed by https://otter.ai\n",
        [
            (None, "Who took the ladder?", 4, 7),
            (None, "Not me.", 7, None),
        ],
    ),
    "Teams, times over names": (
        "0:0:4.0 --> 0:0:6.120\n"
        "Mia Falk\n"
        "Who took the ladder?\n"
        "0:0:7.50 --> 0:0:8.0\n"
        "Tom Ash\n"
        "Not me.\n"
        "0:0:9.0 --> 0:0:9.5\n"
        "Mia Falk\n"
        "Then who?\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, 6.12),
            ("Tom Ash", "Not me.", 7.5, 8),
            ("Mia Falk", "Then who?", 9, 9.5),
        ],
    ),
    "Teams, names with times": (
        "Roofs-20260105_101500-Meeting Recording\n"
        "January 5, 2026, 10:15AM\n"
        "4m 2s\n"
        "\n"
        "Tom Ash started transcription\n"
        "\n"
        "Mia Falk   0:04\n"
        "Who took the ladder?\n"
        "It was here.\n"
        "\n"
        "Tom Ash (Guest)   0:07\n"
        "Not me.\n"
        "\n"
        "Mia Falk   0:09\n"
        "Then who?\n"
        "\n"
        "Tom Ash stopped transcription\n",
        [
            ("Mia Falk", "Who took the ladder? It was here.", 4, 7),
            ("Tom Ash (Guest)", "Not me.", 7, 9),
            ("Mia Falk", "Then who?", 9, None),
        ],
    ),
    "Teams, words beside names and times": (
        "Roofs-20260105_101500-Meeting Recording\n"
        "January 5, 2026, 10:15AM\n"
        " Mia Falk   0:04 Who took the ladder?\n"
        " Tom Ash   0:07 Not me.\n"
        " Mia Falk   0:09 Then who?\n"
        " Tom Ash stopped transcription.\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, 7),
            ("Tom Ash", "Not me.", 7, 9),
            ("Mia Falk", "Then who?", 9, None),
        ],
    ),
    "Zoom, saved captions": (
        "[Mia Falk] 00:00:04\nWho took the ladder?\n\n[tom_a] 00:00:07\nNot me.\n\n[Mia Falk] 00:00:09\nThen who?\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, 7),
            ("tom_a", "Not me.", 7, 9),
            ("Mia Falk", "Then who?", 9, None),
        ],
    ),
    "Fathom": (
        "Roofs - January 5\n"
        "VIEW RECORDING - 4 mins (No highlights): https://fathom.example/calls/1\n"
        "\n"
        "---\n"
        "\n"
        "0:04 - Mia Falk (Roofs Ltd)\n"
        "  Who took the ladder?\n"
        "  ACTION ITEM: Find the ladder - WATCH: https://fathom.example/calls/1?t=5\n"
        "\n"
        "0:07 - Tom.Ash\n"
        "  Not me.\n"
        "\n"
        "0:09 - Mia Falk (Roofs Ltd)\n"
        "  Then who?\n",
        [
            ("Mia Falk (Roofs Ltd)", "Who took the ladder?", 4, 7),
            ("Tom.Ash", "Not me.", 7, 9),
            ("Mia Falk (Roofs Ltd)", "Then who?", 9, None),
        ],
    ),
    "Fireflies": (
        "Mia Falk - 00:04\nWho took the ladder?\n\nTom Ash - 00:07\nNot me.\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, 7),
            ("Tom Ash", "Not me.", 7, None),
        ],
    ),
    "Google Meet": (
        "Roofs (2026-01-05 10:15 GMT+1) - Transcript\n"
        "Attendees\n"
        "Mia Falk, Tom Ash\n"
        "Transcript\n"
        "00:00:00\n"
        " \n"
        "Mia Falk: Who took the ladder?\n"
        "Tom Ash: Not me.\n"
        "00:05:00\n"
        " \n"
        "Mia Falk: Then who?\n"
        " \n"
        "Meeting ended after 00:05:30 👋\n"
        "\n"
        "This editable transcript was computer generated and might contain errors. People can also change the text "
        "after it was created.\n",
        [
            ("Mia Falk", "Who took the ladder?", 0, None),
            ("Tom Ash", "Not me.", None, None),
            ("Mia Falk", "Then who?", 300, None),
        ],
    ),
    "Gemini, as Markdown": (
        "# 📝 Notes\n"
        "\n"
        "Jan 5, 2026\n"
        "\n"
        "## Roofs\n"
        "\n"
        "Mia and Tom looked for a ladder.\n"
        "\n"
        "* **Ladder:** Tom does not have it.\n"
        "\n"
        "# 📖 Transcript\n"
        "\n"
        "### 00:00:04 {#00:00:04}\n"
        "\n"
        "**Mia Falk:** Who took the ladder?  \n"
        "**Tom Ash:** Not me.\n"
        "\n"
        "### Transcription ended after 00:01:00\n"
        "\n"
        "*This editable transcript was computer generated and might contain errors. People can also change the text "
        "after it was created.*\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, None),
            ("Tom Ash", "Not me.", None, None),
        ],
    ),
    "Rev": (
        "Mia Falk (00:04):\nWho took the ladder?\n\nTom Ash (00:07):\nNot me.\n",
        [
            ("Mia Falk", "Who took the ladder?", 4, 7),
            ("Tom Ash", "Not me.", 7, None),
        ],
    ),
    "Premiere": (
        "00;00;04;00 - 00;00;06;15\nSpeaker 1\nWho took the ladder?\n\n00;00;07;00 - 00;00;08;29\nSpeaker 2\nNot me.\n",
        [
            ("Speaker 1", "Who took the ladder?", 4, 6.5),
            ("Speaker 2", "Not me.", 7, 8.967),
        ],
    ),
    "Premiere, frames after colons, a name where it changes": (
        "00:00:04:00 - 00:00:06:12\n"
        "Speaker 1\n"
        "Who took the ladder?\n"
        "\n"
        "00:00:06:12 - 00:00:06:18\n"
        "It was here.\n"
        "\n"
        "00:00:07:00 - 00:00:08:24\n"
        "Speaker 2\n"
        "Not me.\n"
        "\n"
        "00:00:09:00 - 00:00:09:06\n"
        "Speaker 1\n"
        "Then who?\n",
        [
            ("Speaker 1", "Who took the ladder?", 4, 6.48),
            ("Speaker 1", "It was here.", 6.48, 6.72),
            ("Speaker 2", "Not me.", 7, 8.96),
            ("Speaker 1", "Then who?", 9, 9.24),
        ],
    ),
    "aTrain, timestamps": (
        "Transcription for 2026-01-05 roofs.mp3\n"
        "\n"
        "SPEAKER_00\n"
        "[00:00:04] - Who took the ladder?\n"
        "[00:00:06] - It was here.\n"
        "\n"
        "SPEAKER_01\n"
        "[00:00:07] - Not me.\n",
        [
            ("SPEAKER_00", "Who took the ladder?", 4, 6),
            ("SPEAKER_00", "It was here.", 6, 7),
            ("SPEAKER_01", "Not me.", 7, None),
        ],
    ),
    "aTrain, for MAXQDA": (
        "Transcription for 2026-01-05 roofs.mp3\n"
        "\n"
        "SPEAKER_00\n"
        "[00:00:04] - Who took the ladder? [00:00:06] - It was here. \n"
        "\n"
        "SPEAKER_01\n"
        "[00:00:07] - Not me. \n",
        [
            ("SPEAKER_00", "Who took the ladder?", 4, 6),
            ("SPEAKER_00", "It was here.", 6, 7),
            ("SPEAKER_01", "Not me.", 7, None),
        ],
    ),
    "aTrain, for NVivo": (
        "Transcription for 2026-01-05 roofs.mp3\n"
        "\n"
        "SPEAKER_00\n"
        "00:00:04 - Who took the ladder?\n"
        "00:00:06 - It was here.\n"
        "\n"
        "SPEAKER_01\n"
        "00:00:07 - Not me.\n",
        [
            ("SPEAKER_00", "Who took the ladder?", 4, 6),
            ("SPEAKER_00", "It was here.", 6, 7),
            ("SPEAKER_01", "Not me.", 7, None),
        ],
    ),
    "aTrain, plain": (
        "Transcription for 2026-01-05 roofs.mp3\n\nSPEAKER_00\nWho took the ladder?\nIt was here.\n\nSPEAKER_01\nNot me.\n",
        [
            ("SPEAKER_00", "Who took the ladder? It was here.", None, None),
            ("SPEAKER_01", "Not me.", None, None),
        ],
    ),
    "NVivo, tabs": (
        "Timespan\tContent\tSpeaker\n"
        "0:00:04.0 - 0:00:06.5\tWho took the ladder?\tMia\n"
        "0:00:07.0 - 0:00:08.0\tNot me.\tTom\n"
        "0:00:09.0 - 0:00:09.5\tThen who?\tMia\n"
        "0:00:10.0 - 0:00:10.5\tUwe did.\tTom\n",
        [
            ("Mia", "Who took the ladder?", 4, 6.5),
            ("Tom", "Not me.", 7, 8),
            ("Mia", "Then who?", 9, 9.5),
            ("Tom", "Uwe did.", 10, 10.5),
        ],
    ),
    "names alone over words": (
        "Mia Falk:\nWho took the ladder?\n\nTom Ash:\nNot me.\n\nMia Falk:\nThen who?\n",
        [
            ("Mia Falk", "Who took the ladder?", None, None),
            ("Tom Ash", "Not me.", None, None),
            ("Mia Falk", "Then who?", None, None),
        ],
    ),
    "names in brackets over words": (
        "(Mia Falk)\nWho took the ladder?\n\n(Tom Ash)\nNot me.\n\n(Mia Falk)\nThen who?\n(laughs)\nUwe?\n",
        [
            ("Mia Falk", "Who took the ladder?", None, None),
            ("Tom Ash", "Not me.", None, None),
            ("Mia Falk", "Then who? Uwe?", None, None),
        ],
    ),
    "f4": (
        "I: Who took the ladder? #00:00:06-5#\n\nB: Not me. #00:00:08-0#\n\nI: Then who? #00:00:09-5#\n",
        [
            ("I", "Who took the ladder?", 0, 6.5),
            ("B", "Not me.", 6.5, 8),
            ("I", "Then who?", 8, 9.5),
        ],
    ),
    "MAXQDA, stamps before": (
        "#00:00:04-0# I: Who took the ladder?\n#00:00:07-0# B: Not me.\n#00:00:08-0# Ask her.\n",
        [
            ("I", "Who took the ladder?", 4, 7),
            ("B", "Not me.", 7, 8),
            ("B", "Ask her.", 8, None),
        ],
    ),
    "stamps on lines of their own": (
        "#00:00:04-0#\nI: Who took the ladder?\n#00:00:07-0#\nB: Not me.\n",
        [
            ("I", "Who took the ladder?", 4, 7),
            ("B", "Not me.", 7, None),
        ],
    ),
    "stamps on lines of their own, after the words": (
        "I: Who took\nthe ladder?\n#00:00:06-0#\nB: Not me.\n#00:00:07-0#\n",
        [
            ("I", "Who took the ladder?", 0, 6),
            ("B", "Not me.", 6, 7),
        ],
    ),
    "bracketed times at the ends": (
        "Mia: Who took the ladder? [00:00:06]\nTom: Not me. [00:00:08]\nMia: Then who? [00:00:09]\n",
        [
            ("Mia", "Who took the ladder?", 0, 6),
            ("Tom", "Not me.", 6, 8),
            ("Mia", "Then who?", 8, 9),
        ],
    ),
    "IEMOCAP": (
        "Ses02M_impro03_M000 [004.1200-006.5000]: Who took the ladder?\n"
        "Ses02M_impro03_FXX0 [006.6000-007.1000]: Not me.\n"
        "M: Then who?\n"
        "Ses02M_impro03_M001 [009.0000-009.5000]: Uwe?\n",
        [
            ("Ses02M_M", "Who took the ladder?", 4.12, 6.5),
            ("Ses02M_F", "Not me.", 6.6, 7.1),
            ("Ses02M_M", "Then who?", None, None),
            ("Ses02M_M", "Uwe?", 9, 9.5),
        ],
    ),
    "ELAN": (
        "w1\tMia\t00:00:04.000\t4.0\t4000\t00:00:06.500\t6.5\t6500\t00:00:02.500\t2.5\t2500\tWho took the ladder?\n"
        "w2\tTom\t00:00:07.000\t7.0\t7000\t00:00:08.000\t8.0\t8000\t00:00:01.000\t1.0\t1000\tNot me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6.5),
            ("Tom", "Not me.", 7, 8),
        ],
    ),
    "ELAN, without participants, in ms": (
        "Mia\t\t4000\t6500\t2500\tWho took the ladder?\nTom\t\t7000\t8000\t1000\tNot me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6.5),
            ("Tom", "Not me.", 7, 8),
        ],
    ),
    "ELAN, a column a tier": (
        "Begin Time - ss.msec\tEnd Time - ss.msec\tMia\tTom\n4.0\t6.5\tWho took the ladder?\t\n6.0\t8.0\t\tNot me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6.5),
            ("Tom", "Not me.", 6, 8),
        ],
    ),
    "Audacity": (
        "4.000000\t6.500000\tMia: Who took the ladder?\n\\\t120.000000\t4000.000000\n7.000000\t8.000000\tTom: Not me.\n",
        [
            ("Mia", "Who took the ladder?", 4, 6.5),
            ("Tom", "Not me.", 7, 8),
        ],
    ),
    "Audacity, decimal commas": (
        "4,000000\t6,500000\tWho took the ladder?\n7,000000\t8,000000\tNot me.\n",
        [
            (None, "Who took the ladder?", 4, 6.5),
            (None, "Not me.", 7, 8),
        ],
    ),
    "names and words in columns, a name where it changes": (
        "Mia\tWho took the ladder?\n\tIt was here.\nTom\tNot me.\nMia\tThen who?\nTom\tAsk Uwe.\n",
        [
            ("Mia", "Who took the ladder?", None, None),
            ("Mia", "It was here.", None, None),
            ("Tom", "Not me.", None, None),
            ("Mia", "Then who?", None, None),
            ("Tom", "Ask Uwe.", None, None),
        ],
    ),
    "whisper.cpp, two channels": (
        "(speaker 0) Who took the ladder?\n(speaker 1) Not me.\n(speaker ?) Then who?\n",
        [
            ("speaker 0", "Who took the ladder?", None, None),
            ("speaker 1", "Not me.", None, None),
            (None, "Then who?", None, None),
        ],
    ),
    "whisper.cpp, turns": (
        " Who took the ladder? [SPEAKER_TURN]\n Not me, [SPEAKER_TURN]\n then who?\n",
        [
            (None, "Who took the ladder?", None, None),
            (None, "Not me,", None, None),
            (None, "then who?", None, None),
        ],
    ),
    "Whisper": (
        "[00:04.000 --> 00:06.500]  Who took the ladder?\n[00:07.000 --> 00:08.000]  Not me.\n",
        [
            (None, "Who took the ladder?", 4, 6.5),
            (None, "Not me.", 7, 8),
        ],
    ),
    "oTranscribe": (
        "00:04 Who took the ladder?\n00:07 Not me.\n00:09 Then who?\n",
        [
            (None, "Who took the ladder?", 4, 7),
            (None, "Not me.", 7, 9),
            (None, "Then who?", 9, None),
        ],
    ),
    "live captions": (
        ">> Who took\nthe ladder? >> Not me.\n>> TOM: Then who?\n",
        [
            (None, "Who took the ladder?", None, None),
            (None, "Not me.", None, None),
            ("TOM", "Then who?", None, None),
        ],
    ),
}
