#!/usr/bin/env bash
# python-docx: words that were inserted while changes were tracked, or stand in a content control, are not in Paragraph.text.
# Date: 2026-11-30
# Versions: python-docx 1.2.0
# Guess: Paragraph.text is what Word shows of the paragraph, all suggested insertions among it.
# Seen: A tracked insertion (w:ins) and a content control (w:sdt) are left out without a word; a hyperlink's text is there. A paragraph
#   that stands in a content control is not in Document.paragraphs at all.
# Why it matters: Transcripts are corrected in Word with changes tracked, and templates of interviews hold content controls: the
#   corrected words vanish, the sentence around them stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check python-docx==1.2.0
HOME="$work" venv/bin/python - <<'PY'
import io

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

document = docx.Document()
paragraph = document.add_paragraph("Ann: I was ")
run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')} w:id='1' w:author='Bo'>{run.format('not ')}</w:ins>"))
paragraph.add_run("happy ")
paragraph._p.append(parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent>{run.format('on Monday ')}</w:sdtContent></w:sdt>"))
paragraph._p.append(parse_xml(f"<w:hyperlink {nsdecls('w')} w:anchor='a'>{run.format('about it')}</w:hyperlink>"))
whole = f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p>{run.format('Bo: Why?')}</w:p></w:sdtContent></w:sdt>"
document.element.body.insert(1, parse_xml(whole))
file = io.BytesIO()
document.save(file)
read = docx.Document(io.BytesIO(file.getvalue()))
texts = [paragraph.text for paragraph in read.paragraphs if paragraph.text]
print("paragraphs:", texts)
assert texts == ["Ann: I was happy about it"]
PY
