"""Counts the steps of a function: lines of Python, and what a backtracking engine does for its regular expressions.

The same work takes the same number of steps on every machine, so that a test can tell linear time from quadratic.
"""

import enum
import re
import sys
from functools import cache, partial
from pathlib import Path
from re import _constants as op
from re import _parser
from unittest import mock

MOST = 8  # a bounded repetition counts as one of at most so many: what it costs beyond is a constant factor
SINGLE = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
COMPILE = re._compile
ACCEPTED = {}  # (id of a set in a tree, which `tree_of` keeps; character) -> whether it is in the set
NOT_COUNTED = (__file__, enum.__file__, str(Path(re.__file__).parent))
CATEGORIES = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
    op.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    op.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
}


class Counted:
    """A pattern that counts. It finds what the real one finds: the engine here only tries the same places."""

    def __init__(self, pattern, steps):
        self.real, self.steps = pattern, steps
        self.tree = tree_of(pattern) if isinstance(pattern.pattern, str) else None

    def __getattr__(self, name):
        return getattr(self.real, name)

    def match(self, text, *places):
        self._try(text, places[0] if places else 0)
        return self.real.match(text, *places)

    def fullmatch(self, text, *places):
        self._try(text, places[0] if places else 0)
        return self.real.fullmatch(text, *places)

    def search(self, text, *places):
        self._look(text, *places, once=True)
        return self.real.search(text, *places)

    def sub(self, replacement, text, count=0):
        self._look(text)
        return self.real.sub(replacement, text, count)

    def finditer(self, text, *places):
        self._look(text, *places)
        return self.real.finditer(text, *places)

    def findall(self, text, *places):
        self._look(text, *places)
        return self.real.findall(text, *places)

    def split(self, text, maxsplit=0):
        self._look(text)
        return self.real.split(text, maxsplit)

    def _look(self, text, start=0, end=sys.maxsize, once=False):
        for found in self.real.finditer(text, start, end):
            for place in range(start, found.start() + 1):
                self._try(text, place)
            start = max(found.end(), found.start() + 1)
            if once:
                return
        for place in range(start, min(len(text), end) + 1):
            self._try(text, place)

    def _try(self, text, place):
        if self.tree is not None and isinstance(text, str):
            next(self._ends(self.tree, 0, text, place), None)

    def _ends(self, nodes, i, text, at):
        """Where the nodes from the i-th on may end if they begin at a place; greedy ends first."""
        self.steps[0] += 1
        if i == len(nodes):
            yield at
            return
        kind, content = nodes[i]
        if kind in SINGLE:
            if at < len(text) and accepts(kind, content, text[at]):
                yield from self._ends(nodes, i + 1, text, at + 1)
            return
        for end in self._node(kind, content, text, at):
            yield from self._ends(nodes, i + 1, text, end)

    def _node(self, kind, content, text, at):
        if kind is op.BRANCH:
            for branch in content[1]:
                yield from self._ends(list(branch), 0, text, at)
        elif kind is op.SUBPATTERN:
            yield from self._ends(list(content[-1]), 0, text, at)
        elif kind is op.ATOMIC_GROUP:
            yield from list(self._ends(list(content), 0, text, at))[:1]
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            direction, inner = content
            width = inner.getwidth()[1] if direction < 0 else 0
            holds = at >= width and next(self._ends(list(inner), 0, text, at - width), None) is not None
            if holds == (kind is op.ASSERT):
                yield at
        elif kind is op.AT:
            if holds_at(content, text, at, self.real.flags):
                yield at
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, body = content
            most = most if most is op.MAXREPEAT else max(least, min(most, MOST))
            ends = self._repeat(least, most, list(body), text, at, kind is op.MIN_REPEAT)
            yield from list(ends)[:1] if kind is op.POSSESSIVE_REPEAT else ends
        else:
            raise NotImplementedError(f"{kind} in {self.real.pattern}")

    def _repeat(self, least, most, body, text, at, lazy):
        if len(body) == 1 and body[0][0] in SINGLE:
            longest = 0
            while longest < most and at + longest < len(text) and accepts(*body[0], text[at + longest]):
                longest += 1
                self.steps[0] += 1
            counts = range(least, longest + 1)
            yield from (at + count for count in (counts if lazy else reversed(counts)))
            return
        if lazy and least <= 0:
            yield at
        if most > 0:
            for end in self._ends(body, 0, text, at):
                if end > at:
                    yield from self._repeat(least - 1, most - 1 if most is not op.MAXREPEAT else most, body, text, end, lazy)
        if not lazy and least <= 0:
            yield at


@cache
def tree_of(pattern):
    """What a pattern says, parsed once."""
    return list(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


def accepts(kind, content, character):
    """Whether one character is of a node's kind. Case is ignored, which takes no fewer steps."""
    if kind is op.ANY:
        return character != "\n"
    if kind is op.IN:
        known = (id(content), character)
        if known not in ACCEPTED:
            negated = content[0][0] is op.NEGATE
            ACCEPTED[known] = any(accepts(*each, character) for each in content[negated:]) != negated
        return ACCEPTED[known]
    if kind is op.RANGE:
        return any(content[0] <= ord(c) <= content[1] for c in (character, character.lower()[:1], character.upper()[:1]))
    if kind is op.CATEGORY:
        return CATEGORIES[content](character)
    return (chr(content).lower() == character.lower()) == (kind is op.LITERAL)


def holds_at(where, text, at, flags):
    """Whether an anchor holds."""
    if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        return at == 0 or bool(where is op.AT_BEGINNING and flags & re.MULTILINE and text[at - 1] == "\n")
    if where is op.AT_END:
        return at == len(text) or text[at:] == "\n" or bool(flags & re.MULTILINE and text[at] == "\n")
    if where is op.AT_END_STRING:
        return at == len(text)
    before, after = (0 <= i < len(text) and (text[i].isalnum() or text[i] == "_") for i in (at - 1, at))
    return (before != after) == (where is op.AT_BOUNDARY)


def steps(work, *packages):
    """The steps that `work()` takes; patterns are counted that stand in modules of these packages, or are compiled meanwhile."""
    count = [0]

    def in_line(_frame, event, _argument):
        count[0] += event == "line"
        return in_line

    def traced(frame, _event, _argument):
        return None if frame.f_code.co_filename.startswith(NOT_COUNTED) else in_line

    patches = [mock.patch.object(re, "_compile", lambda pattern, flags: Counted(COMPILE(pattern, flags), count))]
    for name, module in list(sys.modules.items()):
        if name.startswith(packages):
            for key, value in list(vars(module).items()):
                if isinstance(value, re.Pattern):
                    patches.append(mock.patch.object(module, key, Counted(value, count)))
    for patch in patches:
        patch.start()
    before = sys.gettrace()
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before)
        for patch in patches:
            patch.stop()
    return count[0]


def in_proportion(work, size, *packages):
    """Whether the steps of `work(size)` grow no faster than the size: from twice to thrice by no more than from once to twice."""
    work(size)  # what is imported, compiled or remembered once is now
    once, twice, thrice = (steps(partial(work, count), *packages) for count in (size, 2 * size, 3 * size))
    return thrice - twice <= 1.02 * (twice - once) + 20
