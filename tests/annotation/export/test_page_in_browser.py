"""The page in a real browser: it plays, seeks and follows; nothing foreign runs; it asks for nothing but the recording."""

from dataclasses import replace

import pytest

from annotation.invented import TALK, annotation, hostile, utterance, write_wav
from annotation.recordings import film

WIDTHS = (390, 1280)
MODES = ("light", "dark")
NOW = "[...document.querySelectorAll('li.now')].map((item) => Number(item.dataset.u))"
NOW_BLOCKS = "[...document.querySelectorAll('.b.now')].map((block) => Number(block.dataset.u))"
AT = "document.getElementById('player').currentTime"
READY = "document.getElementById('player').readyState >= 1"

# Contrast (WCAG 2.2) of every text with what lies behind it.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const parts = (colour) => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a] = parts(getComputedStyle(e).backgroundColor);
      if (a > 250) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('title, script, [hidden]')) continue;
    const style = getComputedStyle(element);
    const [r, g, b] = parts(element.closest('svg') ? style.fill : style.color);
    const [high, low] = [light([r, g, b]), light(behind(element))].sort((x, y) => y - x);
    found.push([(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 60)]);
  }
  return found;
}"""


@pytest.fixture
def opened(open_tab):
    """Opens a file in a window of a width and mode."""
    return lambda path, width=1280, mode="light": open_tab(path, width, 900, mode)


@pytest.fixture
def page(tmp_path):
    """Writes an annotation's page, with the recording beside it unless there is none."""

    def write(whole, medium="talk.wav"):
        if medium is not None:
            write_wav(tmp_path / medium, whole.origin.duration)
        path = tmp_path / "talk.emotions.html"
        path.write_text(whole.to_html(medium), encoding="utf-8")
        return path

    return write


def wait(tab, expression):
    """Until it holds. Playwright's own waiting evaluates strings within the page, which the policy forbids."""
    for _ in range(2400):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    pytest.fail(f"never held: {expression}")


def pixel(tab, selector):
    return tab.evaluate(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")


# Playing


def test_the_recording_beside_the_page_is_the_only_thing_asked_for(page, opened, tmp_path):
    path = page(annotation(name="a b #1?%41&é.wav"), "a b #1?%41&é.wav")
    tab = opened(path)
    wait(tab, READY)
    tab.locator(".b").nth(3).click()
    tab.wait_for_timeout(300)
    assert set(tab.requests) == {path.as_uri(), (tmp_path / "a b #1?%41&é.wav").as_uri().replace("&", "%26")}
    assert tab.messages == []
    assert abs(tab.evaluate("document.getElementById('player').duration") - annotation().origin.duration) < 0.05
    assert tab.evaluate("document.getElementById('lost').hidden")


def test_without_a_recording_nothing_is_asked_for(page, opened):
    path = page(annotation(), None)
    tab = opened(path)
    tab.locator(".b").nth(3).click()
    tab.locator("li.u button").nth(5).click()
    assert tab.evaluate(NOW) == [5]
    assert tab.requests == [path.as_uri()]
    assert tab.messages == []


def test_the_timeline_shows_a_block_for_each_utterance_in_its_speakers_lane(page, opened):
    tab = opened(page(annotation()))
    boxes = tab.evaluate("[...document.querySelectorAll('.b .frame')].map((b) => b.getBoundingClientRect().toJSON())")
    names = tab.evaluate("[...document.querySelectorAll('.names li')].map((b) => b.getBoundingClientRect().toJSON())")
    assert len(boxes) == len(TALK)
    for box, (speaker, _, _) in zip(boxes, TALK, strict=True):
        lane = names[["Ann", "Ben", "Waiter", "שירה"].index(speaker)]
        assert lane["top"] <= box["top"] < box["bottom"] <= lane["bottom"]
        assert box["width"] > 5
    marked = tab.evaluate("document.querySelectorAll('.b use').length")
    assert marked >= 20


def test_a_click_on_a_block_seeks_and_marks_the_utterance(page, opened):
    whole = annotation()
    tab = opened(page(whole))
    wait(tab, READY)
    tab.locator(".b").nth(12).click()
    assert abs(tab.evaluate(AT) - whole.utterances[12].start) < 0.02
    assert tab.evaluate(NOW) == tab.evaluate(NOW_BLOCKS) == [12]
    assert tab.locator("li.now").get_attribute("aria-current") == "true"
    box, dock = pixel(tab, "li.now"), pixel(tab, ".dock")
    assert dock["bottom"] <= box["top"] < box["bottom"] <= 900
    head = pixel(tab, "#head")
    assert abs(head["left"] - pixel(tab, ".b.now .frame")["left"]) < 3


def test_a_click_on_an_utterance_or_its_time_seeks(page, opened):
    whole = annotation()
    tab = opened(page(whole))
    wait(tab, READY)
    for place, part in ((4, ".words"), (6, "button")):
        tab.locator(f"#u{place} {part}").click()
        assert abs(tab.evaluate(AT) - whole.utterances[place].start) < 0.02
        assert tab.evaluate(NOW) == [place]


def test_selecting_words_does_not_seek(page, opened):
    tab = opened(page(annotation()))
    wait(tab, READY)
    tab.locator("#u3 .words").dblclick()
    first = tab.evaluate(AT)
    tab.evaluate("getSelection().selectAllChildren(document.querySelector('#u4 .words'))")
    tab.evaluate("document.querySelector('#u4 .words').click()")
    assert tab.evaluate(AT) == first


def test_its_time_seeks_while_words_are_selected(page, opened):
    whole = annotation()
    tab = opened(page(whole))
    tab.wait_for_function(READY)
    for place, go in ((6, lambda button: button.click()), (8, lambda button: button.press("Enter"))):
        tab.evaluate("getSelection().selectAllChildren(document.querySelector('#u4 .words'))")
        go(tab.locator(f"#u{place} button"))
        assert abs(tab.evaluate(AT) - whole.utterances[place].start) < 0.02


def test_the_keyboard_reaches_and_seeks_utterances(page, opened):
    whole = annotation()
    tab = opened(page(whole))
    wait(tab, READY)
    for key, place in (("Enter", 2), ("Space", 3)):
        tab.locator(f"#u{place} button").focus()
        tab.keyboard.press(key)
        assert abs(tab.evaluate(AT) - whole.utterances[place].start) < 0.02


def test_the_keyboard_moves_in_the_timeline_and_seeks(page, opened):
    whole = annotation()
    tab = opened(page(whole))
    wait(tab, READY)
    assert tab.locator('.b[tabindex="0"]').count() == 1
    tab.locator("#follow").focus()
    tab.keyboard.press("Tab")
    focused = "document.activeElement.dataset.u"
    assert tab.evaluate(focused) == "0"
    for key, place in (
        ("ArrowRight", "1"),
        ("ArrowRight", "2"),
        ("ArrowLeft", "1"),
        ("End", "24"),
        ("ArrowRight", "24"),
        ("Home", "0"),
    ):
        tab.keyboard.press(key)
        assert tab.evaluate(focused) == place
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    assert abs(tab.evaluate(AT) - whole.utterances[1].start) < 0.02
    assert tab.evaluate(NOW) == [1]
    assert tab.locator('.b[tabindex="0"]').count() == 1


def test_while_it_plays_the_current_utterance_is_marked_and_kept_in_view(page, opened):
    tab = opened(page(annotation()))
    wait(tab, READY)
    last = annotation().utterances[20]
    tab.evaluate(f"player.muted = true; player.currentTime = {last.start - 0.3}; player.play()")
    wait(tab, f"{NOW}.includes(20)")
    assert tab.evaluate(NOW_BLOCKS) == tab.evaluate(NOW)
    box = pixel(tab, "#u20")
    assert 0 < box["top"] < box["bottom"] < 900
    tab.evaluate("player.pause()")


def test_who_does_not_want_to_be_led_is_not(page, opened):
    tab = opened(page(annotation()))
    wait(tab, READY)
    tab.locator("#follow").uncheck()
    last = annotation().utterances[20]
    tab.evaluate(f"player.muted = true; player.currentTime = {last.start - 0.3}; player.play()")
    wait(tab, f"{NOW}.includes(20)")
    assert tab.evaluate("scrollY") == 0


def test_two_who_speak_at_once_are_both_marked(page, opened):
    talk = tuple(utterance(n, name, "x", "joy", start, start + 2.0) for n, (name, start) in enumerate((("Ann", 0.0), ("Ben", 1.0))))
    tab = opened(page(annotation(utterances=talk, absences=())), 1280)
    wait(tab, READY)
    tab.locator("#u1 button").click()
    assert tab.evaluate(NOW) == [0, 1]


@pytest.mark.parametrize("container", ["mp4", "webm"])
@pytest.mark.parametrize(("origin", "late"), [(0.0, 0.0), (0.0, 1.0), (20.0, 0.0), (20.0, 1.0)])
def test_a_film_whose_time_stamps_begin_above_0_is_sought_from_its_first(opened, tmp_path, container, origin, late):
    film(tmp_path / f"talk.{container}", container, origin, late)
    spans = ((0.4, 2.0), (2.5, 4.0), (4.5, 5.5))
    talk = tuple(utterance(place, "Ann", "x", "joy", *span) for place, span in enumerate(spans))
    whole = annotation(utterances=talk, absences=(), kind="video")
    whole = replace(whole, origin=replace(whole.origin, duration=6.0))
    path = tmp_path / "talk.emotions.html"
    path.write_text(whole.to_html(f"talk.{container}"), encoding="utf-8")
    tab = opened(path)
    for place in (2, 0, 1):
        tab.locator(f"#u{place} button").click()
        wait(tab, f"Math.abs({AT} - {origin + spans[place][0]}) < 0.03 && !player.seeking")
        assert tab.evaluate(NOW) == [place]
        head = pixel(tab, "#head")
        assert abs(head["left"] - pixel(tab, ".b.now .frame")["left"]) < 4
    tab.evaluate("player.muted = true; player.play()")
    wait(tab, f"{AT} > {origin + 4.6}")
    assert 2 in tab.evaluate(NOW)


def test_who_seeks_before_the_player_has_found_its_first_time_stays_there(page, opened):
    tab = opened(page(annotation()))
    tab.evaluate(
        """() => new Promise((done) => {
          player.addEventListener('loadedmetadata', () => { player.currentTime = 30; }, {once: true});
          player.addEventListener('seeked', () => { if (player.currentTime === 30) setTimeout(done, 100); });
          player.load();
        })"""
    )
    assert tab.evaluate(AT) == 30
    tab.locator("#u4 button").click()
    assert abs(tab.evaluate(AT) - annotation().utterances[4].start) < 0.02


def test_a_recording_that_was_moved_is_said_to_be_lost(page, opened, tmp_path):
    path = page(annotation())
    (tmp_path / "talk.wav").unlink()
    tab = opened(path)
    wait(tab, "!document.getElementById('lost').hidden")
    assert tab.locator("#lost").is_visible()


# Safety


def ran(tab):
    tab.wait_for_timeout(200)
    return tab.evaluate("window.ran") is not None


def test_nothing_foreign_runs(page, opened):
    path = page(hostile(), None)
    tab = opened(path)
    for place in range(len(hostile().utterances)):
        tab.locator(f"#u{place} .words").hover()
        tab.locator(f"#u{place} .words").click()
    assert not ran(tab)
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.evaluate("document.images.length") == 0
    assert tab.evaluate("document.styleSheets.length") == 1
    assert tab.requests == [path.as_uri()]
    assert tab.messages == []


INJECTED = (
    "<script>window.ran = 1</script>",
    '<img src="data:image/gif;base64,x" onerror="window.ran = 1">',
    '<script src="other.js"></script>',
    '<svg onload="window.ran = 1"></svg>',
    '<iframe srcdoc="&lt;script&gt;parent.ran = 1&lt;/script&gt;"></iframe>',
)


@pytest.mark.parametrize("injected", INJECTED)
def test_what_is_planted_in_the_file_does_not_run(page, opened, tmp_path, injected):
    (tmp_path / "other.js").write_text("window.ran = 1")
    path = page(annotation(), None)
    text = path.read_text("utf-8")
    path.write_text(text.replace("</main>", f"{injected}</main>"), "utf-8")
    assert not ran(opened(path))
    # The same without the policy runs, so it is the policy that keeps it from running.
    path.write_text(text.replace("</main>", f"{injected}</main>").replace("Content-Security-Policy", "x"), "utf-8")
    wait(opened(path), "window.ran === 1")


def test_a_planted_style_or_picture_or_request_is_blocked(page, opened, tmp_path):
    path = page(annotation(), None)
    planted = '<style>h1 { display: none }</style><img src="https://evil.example/a.png"><link rel="stylesheet" href="other.css">'
    (tmp_path / "other.css").write_text("h1 { display: none }")
    path.write_text(path.read_text("utf-8").replace("</main>", f"{planted}</main>"), "utf-8")
    tab = opened(path)
    assert tab.locator("h1").is_visible()
    assert tab.evaluate("fetch('https://evil.example/').then(() => 'sent', () => 'blocked')") == "blocked"
    sent = [url for url in tab.requests if (url, "csp") not in tab.blocked]
    assert sent == [path.as_uri()]
    assert len([message for message in tab.messages if "Content Security Policy" in message]) >= 4


def test_a_recording_from_the_network_is_blocked(page, opened):
    tab = opened(page(annotation()))
    tab.evaluate("player.src = 'https://evil.example/a.wav'")
    wait(tab, "!document.getElementById('lost').hidden")
    assert "https://evil.example/a.wav" not in tab.requests
    assert any("media-src" in message for message in tab.messages)


# Looks


TALKS = {
    "usual": annotation,
    "hostile": hostile,
    "untimed": lambda: annotation(timed=False),
    "long name": lambda: annotation(talk=[("Donaudampfschifffahrt" * 3, "joy", "Rindfleischetikettierung" * 20)]),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TALKS)
def test_the_page_never_scrolls_sideways(page, opened, name, width):
    tab = opened(page(TALKS[name](), None), width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """() => [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, .sprite, .names bdi') &&
        e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"""
    assert tab.evaluate(beyond) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_stands_out_from_what_lies_behind_it(page, opened, mode, width):
    tab = opened(page(annotation()), width, mode)
    tab.locator("#u5 button").click()
    found = tab.evaluate(CONTRASTS)
    assert len(found) > 200
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_light_and_dark_differ(page, opened):
    path = page(annotation(), None)
    look = """() => [document.documentElement, document.querySelector('.now'), document.querySelector('.icon use')].map((e) =>
        [getComputedStyle(e).backgroundColor, getComputedStyle(e).color].join())"""
    tabs = [opened(path, 1280, mode) for mode in MODES]
    for tab in tabs:
        tab.locator("#u5 button").click()
    light, dark = (tab.evaluate(look) for tab in tabs)
    assert all(one != other for one, other in zip(light, dark, strict=True))


@pytest.mark.parametrize("width", WIDTHS)
def test_two_thousand_utterances_open_and_answer(page, opened, width):
    path = page(annotation(talk=[line for _ in range(80) for line in TALK]), None)
    tab = opened(path, width)
    tab.locator("#u3 button").click()
    assert tab.evaluate("document.querySelectorAll('.b').length") == 2000
    tab.evaluate("document.querySelector('.b[data-u=\"1990\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert tab.evaluate(NOW) == [1990]
    box = pixel(tab, "#u1990")
    assert 0 < box["top"] < 900


def test_the_steps_of_the_page_grow_with_its_utterances(page, opened):
    """Each block of the script counts as often as it is run, from the page's opening to its answer to two clicks."""

    def steps(times):
        path = page(annotation(talk=[line for _ in range(times) for line in TALK]), None)
        tab = opened(path)
        profiler = tab.context.new_cdp_session(tab)
        profiler.send("Profiler.enable")
        profiler.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
        tab.reload()
        tab.locator("#u3 button").click()
        tab.locator(".b").nth(6).click()
        found = profiler.send("Profiler.takePreciseCoverage")["result"]
        assert tab.evaluate(NOW) == [6]
        return sum(
            r["count"] for script in found if script["url"] == path.as_uri() for f in script["functions"] for r in f["ranges"]
        )

    once, twice, thrice = (steps(times) for times in (1, 2, 3))
    assert twice - once >= len(TALK)
    assert thrice - twice == twice - once
