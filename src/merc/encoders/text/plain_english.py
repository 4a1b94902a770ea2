"""Words that are plainly English, told by the commonest of them: a language detector costs half a second and 100 MB to load."""

from __future__ import annotations

from collections.abc import Collection

ENGLISH = "en"
LEAST_SHARE = 0.3  # of different words, where a text is plainly English [chosen; docs/annotation.md]
# Function words, and the commonest verbs and answers. Left out is what other languages write, too: "in", "is", "to" (Polish), "at"
# and "for" (Danish), "come" (Italian), "also" and "her" (German), "of" and "even" (Dutch), "he" (Finnish), "i" and "no" (many).
_COMMON = frozenset(
    """the and you that it this your what my with not but they just know she his him them their there then than these those
    which who whom whose how when where why would could should might must shall about because if from think thought get got
    getting go goes going went gone yeah yes okay oh really right want wanted did does doing done didn't doesn't don't can
    can't cannot couldn't wouldn't shouldn't won't isn't aren't wasn't weren't haven't hasn't hadn't ain't you're you've
    you'll you'd i'm i've i'll i'd it's that's what's there's here's he's she's we're we've we'll they're they've they'll
    who's how's let's been being were out up now here our us one two good very much some any every something anything nothing
    everything someone anyone everyone never always again only well too please sorry thank thanks hello day people way thing
    things make made took came say said tell told see saw look need give gave feel felt keep mean little great maybe around
    into after before down off back yourself myself himself herself he'll she'll together away last first talk ask asked
    believe understand remember happened happen wait sure course alright guys guy love hate happy job work night tonight
    tomorrow today yesterday morning friend friends money mother father girl boy woman women wife husband house home school
    world life year years minute minutes second week month place big old new other another same different better best bad
    wrong true hard long many few nobody somebody anybody whatever until since while both each own enough ever once almost
    already yet though through without against between under above during actually probably seriously exactly definitely
    totally supposed gotta gonna wanna kinda y'know stop start leave left find found help call called show try tried use used
    put hear heard listen talking looking saying making taking coming trying having knew known looks feels wants needs knows
    thinks likes real next white black water food buy pay drink sleep eat bring brought stay walk run read write wrote play
    live lived talked kind part point three four five six seven eight""".split()  # noqa: SIM905 - a list of 300 lines would be no easier to read
)


def is_plainly_english(words: Collection[str]) -> bool:
    """Whether enough of a text's different words, in lower case and bare of marks, are common in English alone."""
    if not words:
        return False
    common = sum(word.replace("’", "'") in _COMMON for word in words)
    return common >= LEAST_SHARE * len(words)
