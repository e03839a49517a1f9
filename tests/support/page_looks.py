"""What a reader would see of a page that is wrong: asked of a browser, in JavaScript."""

from __future__ import annotations

# texts over one another in a figure, and texts that stick out of it
LABELS = """
const overlaps = [], cut = [];
for (const svg of document.querySelectorAll("figure svg, th.drawn svg")) {
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  const whole = svg.getBoundingClientRect();
  const name = svg.closest("[id]").id;
  for (let i = 0; i < boxes.length; i++) {
    const a = boxes[i];
    if (a.left < whole.left - 1 || a.right > whole.right + 1)
      cut.push([name, texts[i].textContent, whole.left - a.left, a.right - whole.right]);
    for (let j = 0; j < i; j++) {
      const b = boxes[j];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // line boxes are taller than letters: a third of a line is no overlap
      if (wide > 1 && high > 0.34 * Math.min(a.height, b.height))
        overlaps.push([name, texts[i].textContent, texts[j].textContent]);
    }
  }
}
return {overlaps, cut};
"""

# of every text on the page the contrast with what is behind it, if that is below AA of WCAG 2.1
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
const seen = new Set(), pale = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const e = node.parentElement;
  if (!node.data.trim() || e.closest("title, script, style")) continue;
  const style = getComputedStyle(e);
  const colours = [e.closest("svg") ? style.fill : style.color, behind(e).join()];
  if (seen.has(colours.join())) continue;
  seen.add(colours.join());
  const [a, b] = colours.map((each) => light(parse(each)));
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) pale.push([node.data, ...colours, contrast]);
}
return {pale, pairs: seen.size};
"""

# what a reader would see of the page itself: too small, over one another, blank, cut off
LAYOUT = """
const main = document.querySelector("main").getBoundingClientRect();
const boxes = [], small = [], broken = [];
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
  for (const number of node.data.matchAll(/\\de[-+]\\d/g)) {
    range.setStart(node, number.index);
    range.setEnd(node, number.index + number[0].length);
    if (new Set([...range.getClientRects()].map((r) => r.top)).size > 1) broken.push(node.data);
  }
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
for (const each of document.querySelectorAll("main svg")) {
  const r = each.getBoundingClientRect();
  boxes.push([r.left, r.top, r.right, r.bottom]);
}
// a bit for each half of each line of 4 pixels with something in it; lines of tables are nothing
const middle = (main.left + main.right) / 2 + 20;
const lines = new Uint8Array(Math.ceil(main.height / 4));
for (const [left, top, right, bottom] of boxes)
  for (let i = Math.max(Math.floor((top - main.top) / 4), 0);
       i < Math.min((bottom - main.top) / 4, lines.length); i++)
    lines[i] |= (left < middle ? 1 : 0) | (right > middle ? 2 : 0);
// a half is unused where nothing stands in it for five lines of text
let unused = 0;
for (const half of [1, 2])
  for (let i = 0, start = 0; i <= lines.length; i++)
    if (i === lines.length || lines[i] & half) {
      if (i - start >= 30) unused += i - start;
      start = i + 1;
    }
const clipped = [...document.querySelectorAll(".scroll")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => [each.parentElement.id, each.scrollWidth - each.clientWidth]);
return {small, overlaps, broken, clipped, wide: document.documentElement.scrollWidth - innerWidth,
        blank: unused / (2 * lines.length)};
"""
