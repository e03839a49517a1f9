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

  for (const row of document.querySelectorAll("tbody tr")) {
    row.classList.toggle("failing", [...row.cells].some((cell) => cell.textContent === "NO"));
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
