// Tables can be sorted and filtered. Without this script the page says the same.
(function () {
  "use strict";
  const texts = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const nothing = new Set(["-", "never"]);
  // A browser takes seconds to lay out thousands of rows, each time they are sorted.
  const page = 200;

  function prepare(section) {
    const table = section.querySelector("table.data");
    if (!table) return;
    const body = table.tBodies[0];
    const heads = Array.from(table.tHead.rows[0].cells);
    const original = Array.from(body.rows);
    const filter = section.querySelector(".filter");
    const input = filter.querySelector("input");
    const output = filter.querySelector("output");
    const toggle = section.querySelector(".toggle");
    const more = section.querySelector(".next");
    let limit = page;
    let order = original;
    let words = [];
    let searched = null;

    // What a row is searched in: the columns that are seen.
    function search() {
      if (searched) return searched;
      const seen = heads.map(function (head) {
        return (toggle && toggle.checked) || !head.classList.contains("d");
      });
      searched = new Map(original.map(function (row) {
        const cells = Array.from(row.cells).filter(function (_, at) { return seen[at]; });
        return [row, cells.map(function (cell) { return cell.textContent; }).join("\n").toLowerCase()];
      }));
      return searched;
    }

    function show() {
      const inWords = words.length > 0 ? search() : null;
      const found = inWords
        ? order.filter(function (row) {
          return words.every(function (word) { return inWords.get(row).includes(word); });
        })
        : order;
      body.replaceChildren(...found.slice(0, limit));
      const left = found.length - limit;
      more.hidden = left <= 0;
      more.textContent = "Show " + Math.min(left, page) + " more of " + count(left) + " rows";
      output.textContent = inWords ? count(found.length) + " of " + count(original.length) + " rows" : "";
    }

    function count(number) {
      return number.toLocaleString("en");
    }

    function value(row, at, sort) {
      const text = row.cells[at].textContent;
      if (nothing.has(text)) return null;
      return sort === "number" ? Number(text.replaceAll(",", "")) : text;
    }

    function sort(at, direction) {
      const head = heads[at];
      const by = head.dataset.sort;
      for (const other of heads) other.removeAttribute("aria-sort");
      if (!direction) {
        order = original;
        return;
      }
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const compare = by === "text" ? texts.compare : function (a, b) { return a < b ? -1 : a > b ? 1 : 0; };
      order = original
        .map(function (row) { return [value(row, at, by), row]; })
        .sort(function (a, b) {
          // What is not there comes last in both directions.
          if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null);
          return sign * compare(a[0], b[0]);
        })
        .map(function (pair) { return pair[1]; });
    }

    heads.forEach(function (head, at) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () {
        // The order that is wanted most comes first, and the third time that of the report.
        const first = head.dataset.sort === "text" ? "ascending" : "descending";
        const second = first === "ascending" ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        sort(at, now === null ? first : now === first ? second : null);
        limit = page;
        show();
      });
    });

    let waiting = 0;
    input.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(function () {
        words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        limit = page;
        show();
      }, 120);
    });
    if (toggle) {
      toggle.addEventListener("change", function () {
        searched = null;
        if (words.length > 0) show();
      });
    }
    more.addEventListener("click", function () {
      const next = limit;
      limit += page;
      show();
      // The button goes on or away: the keyboard goes on at the first new row.
      const row = body.rows[next];
      row.tabIndex = -1;
      row.focus();
    });
    filter.hidden = false;
    if (original.length > page) show();
    // On paper there is no button for more.
    let before = limit;
    printed.push({
      begin: function () { before = limit; limit = Infinity; show(); },
      end: function () { limit = before; show(); },
    });
  }

  const printed = [];
  document.querySelectorAll("section.table").forEach(prepare);

  // On paper nothing can be opened.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    for (const table of printed) table.begin();
    closed = Array.from(document.querySelectorAll("article details:not([open])"));
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", function () {
    for (const table of printed) table.end();
    for (const details of closed) details.open = false;
  });
})();
