"""The page in a real browser: it fits narrow and wide windows, asks for nothing, and can be read in light and dark."""

import pytest

WIDTHS = (390, 1400)
MODES = ("light", "dark")

# Contrast (WCAG 2.2) of every text with what lies behind it; the canvas resolves colours of any notation.
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
    if (!own || element.closest('title')) continue;
    const style = getComputedStyle(element);
    const [r, g, b] = parts(element.closest('svg') ? style.fill : style.color);
    const [high, low] = [light([r, g, b]), light(behind(element))].sort((x, y) => y - x);
    const name = element.tagName + '.' + element.getAttribute('class');
    found.push([(high + 0.05) / (low + 0.05), name, element.textContent.slice(0, 40)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def files(page, peak_page, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, text in (("report", page), ("peak", peak_page)):
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("report", "peak")}


@pytest.fixture
def opened(open_tab, files):
    """Opens a page in a window of a width and mode, with all that is folded unfolded."""

    def open_page(name, width, mode):
        tab = open_tab(files[name], width, 1000, mode)
        tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        return tab

    return open_page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "peak"])
def test_the_body_never_scrolls_sideways(opened, name, width):
    tab = opened(name, width, "light")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """() => [...document.querySelectorAll('body *')].filter((e) =>
        !e.closest('.scroll, pre, svg') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"""
    assert tab.evaluate(beyond) == []
    unreachable = """() => [...document.querySelectorAll('.scroll, pre')].filter((e) =>
        e.scrollWidth > e.clientWidth && (e.tabIndex !== 0 || !e.getAttribute('aria-label')))"""
    assert tab.evaluate(unreachable) == []


def test_small_figures_fit_a_narrow_window(opened):
    tab = opened("report", 390, "light")
    assert (
        tab.evaluate("Math.max(...[...document.querySelectorAll('figure svg')].map((s) => s.getBoundingClientRect().right))") <= 390
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_page_asks_for_nothing(opened, files, mode):
    tab = opened("report", 1400, mode)
    tab.wait_for_timeout(200)
    assert tab.requests == [files["report"].as_uri()]
    assert tab.messages == []
    assert tab.evaluate("document.scripts.length") == 0
    assert tab.evaluate("document.images.length") == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["report", "peak"])
def test_every_text_stands_out_from_what_lies_behind_it(opened, name, mode):
    found = opened(name, 1400, mode).evaluate(CONTRASTS)
    assert len(found) > 500
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_light_and_dark_differ_in_page_and_figures(opened):
    look = """() => [
        getComputedStyle(document.documentElement).backgroundColor,
        getComputedStyle(document.querySelector('.answer')).color,
        getComputedStyle(document.querySelector('figure svg text')).fill,
        getComputedStyle(document.querySelector('.heat')).backgroundColor,
    ]"""
    light, dark = (opened("report", 1400, mode).evaluate(look) for mode in MODES)
    assert all(one != other for one, other in zip(light, dark, strict=True))


def test_print_is_light_and_shows_what_is_folded(opened):
    tab = opened("report", 1400, "dark")
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
