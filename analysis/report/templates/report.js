"use strict";
(() => {
  const read = (id) => document.getElementById(id).textContent;
  const tables = JSON.parse(read("flatprior-tables"));

  // where the clipboard is closed to pages opened from a file
  const copyBySelection = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyBySelection(text);
    }
  };

  // no line ends after the sign of an exponent
  const main = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let text; (text = main.nextNode());) {
    if (/\de[-+]\d/.test(text.data) && !text.parentElement.closest("svg, script, style, table")) {
      texts.push(text);
    }
  }
  for (const text of texts) {
    const parts = text.data.split(/(-?\d+(?:\.\d+)?e[-+]\d+)/);
    text.replaceWith(...parts.map((part, i) => {
      const number = document.createElement("span");
      number.className = "number";
      number.textContent = part;
      return i % 2 ? number : part;
    }));
  }

  // decimal points below one another: a number is as far from the edge as the decimals it lacks take,
  // which nobody sees, hears or copies; not where a table would be wider than the screen by that
  const decimals = (cell) => /^-?\d+(\.\d*)?$/.exec(cell.textContent)?.[1]?.length ?? 0;
  for (const body of document.querySelectorAll(".table:not(.words) tbody")) {
    const cells = [...body.querySelectorAll("td")].filter((cell) => /^-?\d/.test(cell.textContent));
    const most = [], powers = [];
    for (const cell of cells) {
      // a column of powers of ten has no decimal points to align
      powers[cell.cellIndex] = (powers[cell.cellIndex] ?? 0) + (/e/.test(cell.textContent) ? 1 : -1);
      most[cell.cellIndex] = Math.max(most[cell.cellIndex] ?? 0, decimals(cell));
    }
    for (const cell of cells.filter((each) => !/e/.test(each.textContent) && powers[each.cellIndex] < 0)) {
      const lacking = most[cell.cellIndex] - decimals(cell);
      if (lacking > 0) {
        cell.dataset.lacking = (decimals(cell) ? "" : ".").padEnd(lacking, "0");
      }
    }
    const { scrollWidth, clientWidth } = body.closest(".scroll");
    if (scrollWidth > clientWidth) {
      cells.forEach((cell) => delete cell.dataset.lacking);
    }
  }

  for (const button of document.querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const { table, format, json } = button.dataset;
      const done = await copy(json ? read(json) : tables[table][format]);
      button.focus();
      const said = button.parentElement.querySelector(".said");
      said.textContent = done ? "Copied" : "Not allowed by the browser";
      setTimeout(() => { said.textContent = ""; }, 4000);
    });
  }
})();
