// A table: sorted by its headings, searched as one types, a page at a time, rows that open. Where it
// is too wide for its page a row becomes a card: its first cell, and below it the others by name.

const PAGES = [25, 100, 500];
const LONG = 400; // characters of a cell; a longer one is scrolled
const NARROW = 900; // pixels; a wider page lets a table scroll

function table(root, data) {
  const columns = data.columns.map((column) => ({ ...column, cells: unpack(column.cells) }));
  for (const column of columns) {
    if (column.kind !== "bar") continue;
    column.most = 0;
    for (const value of column.cells) if (value > column.most && value < Infinity) column.most = value;
  }
  const rows = makeRows(columns, data.rows);
  const opened = new Set();
  const detailed = Object.keys(data.details).length > 0;
  let [sorted, down] = data.order ?? [-1, false];
  let size = data.page;
  let start = 0;
  if (sorted >= 0) rows.sort(sorted, down);

  const texts = columns.map((column) => column.kind === "text");
  const last = texts.filter(Boolean).length > 2 ? texts.lastIndexOf(true) : -1; // it may wrap
  const heads = columns.map((column, place) => {
    const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
    const name = [column.name, arrow];
    if (column.kind !== "text") name.reverse();
    const button = make("button", {
      type: "button", title: column.about || null, onclick: () => sortBy(place),
    }, ...name);
    const opens = place === 0 && detailed ? " opens" : "";
    const head = make("th", { role: "columnheader", scope: "col", class: column.kind + opens }, button);
    const wide = texts[place] ? usualWidth(column.cells, place === last ? 8 : 22) : 0;
    if (wide) head.style.minWidth = `min(${wide}ch + ${opens ? 2.3 : 1.4}rem, ${place ? 46 : 28}vw)`;
    return { head, arrow };
  });
  // The roles tell what is what where a style makes cards of rows.
  const body = make("tbody", { role: "rowgroup", lang: root.lang });
  const top = make("tr", { role: "row" }, ...heads.map((one) => one.head));
  const scroll = make("div", { class: "scroll" }, make("table", { role: "table", "aria-label": data.title },
    make("thead", { role: "rowgroup" }, top), body));
  const status = make("span", { role: "status" });
  const field = make("input", {
    type: "search", placeholder: data.search, "aria-label": data.search, autocomplete: "off",
    spellcheck: "false", onfocus: rows.prepare, oninput: search,
  });
  const tools = make("div", { class: "tools" }, make("div", { class: "field" }, field), status);
  const before = make("button", { type: "button", onclick: () => turn(-size) }, "‹ Back");
  const after = make("button", { type: "button", onclick: () => turn(size) }, "Next ›");
  const sizes = [...new Set([data.page, ...PAGES])].sort((a, b) => a - b);
  const choice = make(
    "select", { onchange: () => { size = Number(choice.value); start = 0; show(); } },
    ...sizes.map((n) => make("option", { value: n, selected: n === size }, numberText(n))),
  );
  const range = make("span", { role: data.search ? null : "status" });
  const pager = make("div", { class: "pager" }, range,
    make("label", {}, "Rows ", choice), before, after);
  root.replaceChildren(...(data.search ? [tools] : []), scroll, ...(data.rows > size ? [pager] : []));
  show();
  keepDrawn(root, fit);

  function fit(width, printing) {
    const tooWide = () => scroll.scrollWidth > scroll.clientWidth + 1;
    root.classList.remove("cards");
    if (!printing && width < NARROW && tooWide()) root.classList.add("cards");
    const attributes = { tabindex: "0", role: "region", "aria-label": data.title };
    if (tooWide()) fill(scroll, attributes, []);
    else for (const name of Object.keys(attributes)) scroll.removeAttribute(name);
  }

  function usualWidth(cells, room) {
    let most = 0;
    for (let k = 0; k < cells.length; k++) {
      const width = cells[k].length * (cells[k] > "\u2e80" ? 2 : 1);
      if (width > most) most = width;
    }
    return Math.min(most, room);
  }

  function sortBy(place) {
    const numeric = columns[place].kind !== "text";
    down = place === sorted ? !down : numeric;
    sorted = place;
    rows.sort(place, down);
    start = 0;
    show();
    say(`Sorted by ${columns[place].name}, ${down ? "downwards" : "upwards"}`);
  }

  function search() {
    rows.search(field.value);
    start = 0;
    show();
  }

  function turn(by) {
    start = Math.max(0, start + by);
    show();
    if (before.disabled && by < 0) after.focus(); // a key that is off would lose the place
    if (after.disabled && by > 0) before.focus();
    if (scroll.getBoundingClientRect().top < 0) root.scrollIntoView({ block: "start" });
  }

  function show() {
    heads.forEach(({ head, arrow }, place) => {
      arrow.textContent = place === sorted ? (down ? "▼" : "▲") : "";
      if (place === sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const found = rows.found;
    const shown = found.subarray(start, start + size);
    const parts = field.value.toLowerCase().trim().split(/\s+/).filter(Boolean);
    const lines = [];
    for (const row of shown) lines.push(...rowElements(row, parts));
    if (!shown.length) {
      const none = make("td", { role: "cell", colspan: columns.length, class: "none" },
        data.rows ? "No row holds all of this." : "No rows.");
      lines.push(make("tr", { role: "row" }, none));
    }
    body.replaceChildren(...lines);
    const total = numberText(data.rows);
    status.textContent = parts.length ? `${numberText(found.length)} of ${total}` : `${total} rows`;
    range.textContent = found.length
      ? `${numberText(start + 1)}–${numberText(start + shown.length)} of ${numberText(found.length)}` : "";
    before.disabled = start === 0;
    after.disabled = start + size >= found.length;
    if (!root.classList.contains("cards")) fit(root.clientWidth, false);
  }

  function rowElements(row, parts) {
    const cells = columns.map((column, place) => cellElement(column, row, parts, place === 0));
    const line = make("tr", { role: "row" }, ...cells);
    if (!opened.has(row) || !data.details[row]) return [line];
    return [line, detailsElement(row)];
  }

  function detailsElement(row) {
    const texts = data.details[row].map((one) => passageElement(one, root.lang));
    const cell = make("td", { role: "cell", colspan: columns.length }, ...texts);
    return make("tr", { role: "row", class: "details" }, cell);
  }

  function nameOf(row) {
    const { kind, name, cells, digits } = columns[0];
    return kind === "text" ? cells[row] : `${name} ${numberText(cells[row], digits)}`;
  }

  function cellElement(column, row, parts, first) {
    const value = column.cells[row];
    const cell = make("td", { role: "cell", class: column.kind === "text" ? null : column.kind, "data-name": column.name });
    if (first && detailed) cell.classList.add("opens");
    if (first && data.details[row]) cell.append(openButton(row));
    if (column.kind === "text") {
      const inside = found(value, parts);
      if (value.length > LONG) cell.append(make("div", { class: "long", tabindex: "0" }, ...inside));
      else cell.append(...inside);
      return cell;
    }
    const text = numberText(value, column.digits, column.kind === "share");
    if (column.kind === "bar" && column.most > 0 && value > 0) {
      const width = `${(100 * Math.min(value / column.most, 1)).toFixed(2)}%`;
      cell.append(
        draw("svg", { "aria-hidden": "true" }, draw("rect", { width, height: "100%", rx: 2 })),
        make("span", {}, text),
      );
    } else {
      cell.append(text);
    }
    return cell;
  }

  // The text, with what was searched marked in it.
  function found(text, parts) {
    const low = text.toLowerCase();
    if (!parts.length || low.length !== text.length) return [text];
    const pieces = [];
    let end = 0;
    while (end < text.length) {
      let best = -1;
      let length = 0;
      for (const part of parts) {
        const place = low.indexOf(part, end);
        if (place >= 0 && (best < 0 || place < best)) [best, length] = [place, part.length];
      }
      if (best < 0) break;
      pieces.push(text.slice(end, best), make("mark", {}, text.slice(best, best + length)));
      end = best + length;
    }
    return [...pieces, text.slice(end)];
  }

  function openButton(row) {
    const button = make("button", {
      type: "button", class: "open", "aria-label": `More of ${nameOf(row)}`, "aria-expanded": String(opened.has(row)),
      onclick: toggle,
    }, opened.has(row) ? "▾" : "▸");
    function toggle() {
      const line = button.closest("tr");
      if (opened.delete(row)) {
        line.nextElementSibling.remove();
      } else {
        opened.add(row);
        line.after(detailsElement(row));
      }
      button.textContent = opened.has(row) ? "▾" : "▸";
      button.setAttribute("aria-expanded", opened.has(row));
    }
    return button;
  }
}
