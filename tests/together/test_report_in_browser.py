"""The report in a real browser: Debian's chromium with chromium-driver, started here."""

import json
import shutil
import time

import pytest
from processes import kill_group
from reports import results

from flatprior.analysis import write_report

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="THE REPORT WAS NOT OPENED IN A BROWSER: apt-get install chromium chromium-driver",
)
WIDTHS = (1400, 1024, 768, 390)
THEMES = ("light", "dark")

OVERLAPS = """
const found = [];
for (const svg of document.querySelectorAll("figure svg")) {
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
    const a = boxes[i], b = boxes[j];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    // line boxes are taller than letters: a third of a line is no overlap
    if (wide > 1 && high > 0.34 * Math.min(a.height, b.height))
      found.push([svg.parentElement.id, texts[i].textContent, texts[j].textContent]);
  }
}
return found;
"""
CONTRASTS = """
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const light = (c) => {
  const [r, g, b] = c.slice(0, 3).map((v) => {
    v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length && (c.length === 3 || c[3] > 0)) return c;
  }
  return [255, 255, 255];
};
return ["body", ".verdict h2", ".verdict p", ".note", "figcaption", "button", "nav a", "thead th",
        "tbody th", "td", ".fact", "footer p", "svg text"].map((selector) => {
  const element = document.querySelector(selector);
  const style = getComputedStyle(element);
  const colour = parse(selector === "svg text" ? style.fill : style.color);
  const [a, b] = [light(colour), light(behind(element))];
  return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
});
"""


# what a reader would see of the page itself: too small, over one another, blank, cut off
LAYOUT = """
const main = document.querySelector("main").getBoundingClientRect();
const boxes = [], small = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const parent = node.parentElement;
  if (!node.data.trim() || parent.closest("title, script, style, .skip")) continue;
  const svg = parent.closest("svg");
  const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
  if (size < 11) small.push([size, node.data]);
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const r of range.getClientRects())
    boxes.push([r.left, r.top, r.right, r.bottom, node]);
}
boxes.sort((a, b) => a[1] - b[1]);
const overlaps = [];
// names of rows stay in view: on narrow screens columns pass below them
const passes = (node) => node.parentElement.closest("tr") && innerWidth < 1024;
for (let i = 0; i < boxes.length; i++)
  for (let j = i + 1; j < boxes.length && boxes[j][1] < boxes[i][3]; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
    const high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    if (a[4] !== b[4] && wide > 3 && high > 4 && !(passes(a[4]) && passes(b[4])))
      overlaps.push([a[4].data, b[4].data]);
  }
for (const each of document.querySelectorAll("main svg, main table")) {
  const r = each.getBoundingClientRect();
  boxes.push([r.left, r.top, r.right, r.bottom]);
}
// a bit for each half of each line of 4 pixels in which something stands
const middle = (main.left + main.right) / 2 + 20;
const lines = new Uint8Array(Math.ceil(main.height / 4));
for (const [left, top, right, bottom] of boxes)
  for (let i = Math.max(Math.floor((top - main.top) / 4), 0);
       i < Math.min((bottom - main.top) / 4, lines.length); i++)
    lines[i] |= (left < middle ? 1 : 0) | (right > middle ? 2 : 0);
const clipped = [...document.querySelectorAll(".scroll")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => [each.parentElement.id, each.scrollWidth - each.clientWidth]);
return {small, overlaps, clipped,
        blank: lines.filter((each) => each === 1 || each === 2).length / lines.length};
"""


# its last element is there, and it was not left for another page meanwhile
LOADED = "return document.readyState === 'complete' && !!document.querySelector('footer p')"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report") / "report.html", *results())


@pytest.fixture(scope="module")
def browser(path, tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(DRIVER, popen_kw={"start_new_session": True})
    try:
        driver = webdriver.Chrome(options=options, service=service)
        driver.execute_cdp_cmd(
            "Browser.grantPermissions",
            {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
        )
        yield driver
        driver.quit()
    finally:
        kill_group(service.process)


def show(browser, path, width=1400, theme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": theme}]},
    )
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri())
    until = time.monotonic() + 20
    while not browser.execute_script(LOADED) and time.monotonic() < until:
        time.sleep(0.1)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_error_no_request_no_overflow(browser, path, width, theme):
    show(browser, path, width, theme)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    own = ("data:", "chrome://", "chrome-untrusted://")  # of page, and of the first tab
    assert {url for url in asked if not url.startswith(own)} == {path.as_uri()}
    content, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, innerWidth]"
    )
    assert content <= window == width
    assert browser.title.endswith("flatprior")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_seen_whole_and_can_be_read(browser, path, width):
    show(browser, path, width)
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('figure svg')].map((svg) => {"
        " const b = svg.getBoundingClientRect(); return [b.left, b.right, b.height]; })"
    )
    assert len(boxes) == 10
    for left, right, height in boxes:
        assert 0 <= left < right <= width
        assert right - left > 300
        assert height > 60


@pytest.mark.parametrize("width", WIDTHS)
def test_no_label_of_a_figure_covers_another(browser, path, width):
    show(browser, path, width)
    assert browser.execute_script(OVERLAPS) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_the_page_overlaps_is_cut_off_too_small_or_half_blank(browser, path, width):
    show(browser, path, width)
    found = browser.execute_script(LAYOUT)
    assert found["overlaps"] == []
    assert found["small"] == []
    assert found["blank"] < 0.2
    if width >= 1024:  # on narrower screens tables scroll
        assert found["clipped"] == []


def test_decimal_points_stand_below_one_another_and_nothing_is_copied_of_that(browser, path):
    show(browser, path)
    columns, selected = browser.execute_script(
        """
        const rows = [...document.querySelectorAll("#coefficients-table tbody tr")];
        const point = (cell) => {
          const range = document.createRange(), at = cell.textContent.indexOf(".");
          range.setStart(cell.firstChild, at);
          range.setEnd(cell.firstChild, at + 1);
          return range.getBoundingClientRect().left;
        };
        const columns = [...rows[0].querySelectorAll("td")].map((_, j) =>
          rows.map((row) => row.querySelectorAll("td")[j])
            .filter((cell) => /^-?\\d+\\.\\d+$/.test(cell.textContent)).map(point));
        getSelection().selectAllChildren(rows[1]);
        return [columns, String(getSelection())];
        """
    )
    assert sum(map(len, columns)) > 40
    for points in columns:
        assert max(points) - min(points) < 1
    cells = browser.execute_script(
        "return [...document.querySelectorAll('#coefficients-table tbody tr')[1].cells]"
        ".map((cell) => cell.textContent)"
    )
    assert selected.split() == " ".join(cells).split()


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_ground(browser, path, theme):
    show(browser, path, theme=theme)
    for selector, contrast in browser.execute_script(CONTRASTS):
        assert contrast >= 4.5, (selector, contrast)


def test_copy_buttons_put_the_table_on_the_clipboard(browser, path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    show(browser, path)
    tables = browser.execute_script(
        "return JSON.parse(document.getElementById('flatprior-tables').textContent)"
    )
    buttons = browser.find_elements(By.CSS_SELECTOR, "button[data-table]")
    assert len(buttons) == 3 * len(tables) >= 36
    for button in buttons[:6] + buttons[-3:]:
        table, form = button.get_attribute("data-table"), button.get_attribute("data-format")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        said = button.find_element(By.XPATH, "..").find_element(By.CLASS_NAME, "said")
        WebDriverWait(browser, 5).until(lambda _, said=said: said.text == "Copied")
        assert clipboard(browser) == tables[table][form]
    button = browser.find_element(By.CSS_SELECTOR, "button[data-json]")
    button.click()
    WebDriverWait(browser, 5).until(lambda _: '"format"' in clipboard(browser))
    assert json.loads(clipboard(browser))["format"] == "flatprior-report/1"


def clipboard(browser):
    return browser.execute_async_script(
        "const done = arguments[0];"
        "navigator.clipboard.readText().then(done, (e) => done(String(e)))"
    )


def test_names_of_the_data_are_text_on_the_page(browser, path):
    show(browser, path)
    assert browser.execute_script("return document.querySelectorAll('img, u, i').length") == 0
    names = browser.execute_script(
        "return [...document.querySelectorAll('#coefficients-table tbody th')]"
        ".map((e) => e.textContent)"
    )
    assert names[1] == "<script>alert(1)</script>"
    assert 'x"onload=alert(1)' in names


def test_the_keyboard_reaches_the_verdict_tables_and_buttons(browser, path):
    from selenium.webdriver.common.keys import Keys

    show(browser, path)
    seen = []
    for _ in range(20):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(
            browser.execute_script(
                "const e = document.activeElement; return e.className || e.tagName"
            )
        )
    assert seen[0] == "skip"
    assert {"A", "scroll", "BUTTON"} <= set(seen)


def test_a_screen_reader_is_told_what_everything_is(browser, path):
    show(browser, path)

    def told() -> list[tuple[str, str]]:
        tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree
            if not node.get("ignored")
        ]

    # the browser builds its tree beside the page: it is whole a moment after the page is
    before, named, images = None, [], []
    for _ in range(50):
        named = told()
        images = [name for role, name in named if role in ("image", "img")]
        if named == before and len(images) >= 10:
            break
        before = named
        time.sleep(0.2)
    assert len(images) == 10
    assert all(len(name) > 30 for name in images)
    assert all(name for role, name in named if role in ("table", "button", "region", "heading"))


def test_the_page_prints_on_white_without_buttons(browser, path):
    show(browser, path, theme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    style = browser.execute_script(
        "return [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.copy')).display]"
    )
    assert style == ["rgb(255, 255, 255)", "none"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
