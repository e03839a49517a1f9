"""The report in a real browser: Debian's chromium with chromium-driver, started here."""

import json
import shutil
import time
from functools import cache, partial

import pytest
from kinds_of_report import KINDS, written_in
from page_looks import CONTRASTS, LABELS, LAYOUT
from processes import kill_group

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="THE REPORT WAS NOT OPENED IN A BROWSER: apt-get install chromium chromium-driver",
)
WIDTHS = (1400, 1024, 768, 390)
PRINTED = 680  # A4 between its margins, in pixels
THEMES = ("light", "dark")
FIGURES = 14  # of the report of names that are markup

# its last element is there, and it was not left for another page meanwhile
LOADED = "return document.readyState === 'complete' && !!document.querySelector('footer p')"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of a kind, made when it is first asked for."""
    return cache(partial(written_in, tmp_path_factory.mktemp("reports")))


@pytest.fixture(scope="module")
def path(written):
    return written("markup")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
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
    use_width(browser, width)
    use_theme(browser, theme)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri())
    until = time.monotonic() + 20
    while not browser.execute_script(LOADED) and time.monotonic() < until:
        time.sleep(0.1)


def use_width(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def use_paper(browser):
    """As printed on A4."""
    use_width(browser, PRINTED)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})


def use_theme(browser, theme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "", "features": [{"name": "prefers-color-scheme", "value": theme}]},
    )


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


BROKEN_WORDS = """
return [...document.querySelectorAll('tbody th:not(.long)')].flatMap((th) => {
  const text = th.firstChild, found = [];
  for (const word of (text ? text.data : '').matchAll(th.className ? /[\\w.,]+/g : /\\S+/g)) {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1)
      found.push(word[0]);
  }
  return found;
})"""


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_a_short_name_breaks(browser, written, kind, width):
    show(browser, written(kind), width)
    assert browser.execute_script("return document.querySelectorAll('tbody th').length") > 10
    assert browser.execute_script(BROKEN_WORDS) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_seen_whole_and_can_be_read(browser, path, width):
    show(browser, path, width)
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('figure svg')].map((svg) => {"
        " const b = svg.getBoundingClientRect(); return [b.left, b.right, b.height]; })"
    )
    assert len(boxes) == FIGURES
    for left, right, height in boxes:
        assert 0 <= left < right <= width
        assert right - left > 300
        assert height > 60


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_any_report_overlaps_is_cut_off_too_small_half_blank_or_pale(
    browser, written, kind
):
    assert written(kind).stat().st_size < 1e6
    show(browser, written(kind))
    for theme in THEMES:
        use_theme(browser, theme)
        contrasts = browser.execute_script(CONTRASTS)
        assert contrasts["pale"] == [], theme
        assert contrasts["pairs"] > 4  # of colours of text and ground
    for width in WIDTHS:
        use_width(browser, width)
        page, labels = browser.execute_script(LAYOUT), browser.execute_script(LABELS)
        assert labels == {"overlaps": [], "cut": []}, width
        assert page["overlaps"] == [], width
        assert page["small"] == [], width
        assert page["broken"] == [], width  # numbers, after the sign of their exponent
        assert page["wide"] <= 0, width
        assert page["blank"] < 0.2, width
        if width >= 1024:  # on narrower screens tables scroll
            assert page["clipped"] == [], width


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_nothing_overlaps_or_leaves_the_page(browser, written, kind):
    show(browser, written(kind))
    use_paper(browser)
    page, labels = browser.execute_script(LAYOUT), browser.execute_script(LABELS)
    use_theme(browser, "light")
    assert labels == {"overlaps": [], "cut": []}
    assert page["overlaps"] == []
    assert page["wide"] <= 0


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
        if named == before and len(images) >= FIGURES:
            break
        before = named
        time.sleep(0.2)
    assert len(images) == FIGURES
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
