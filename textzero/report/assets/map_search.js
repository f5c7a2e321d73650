// A field that offers words as one types: those that begin so first, then those that hold it.

const OFFERED = 10;

// Returns {places, more}: numbers of the words, the frequent ones first, and how many are left.
function offersFor(lowered, query) {
  const begins = [];
  const holds = [];
  let exact = -1;
  let count = 0;
  for (let k = 0; k < lowered.length; k++) {
    const place = lowered[k].indexOf(query);
    if (place < 0) continue;
    count += 1;
    if (place > 0) {
      if (holds.length < OFFERED) holds.push(k);
    } else if (exact < 0 && lowered[k].length === query.length) {
      exact = k;
    } else if (begins.length < OFFERED) {
      begins.push(k);
    }
  }
  const places = [...(exact < 0 ? [] : [exact]), ...begins, ...holds].slice(0, OFFERED);
  return { places, more: count - places.length };
}

let lists = 0;

function makeSearch(words, noteOf, choose, language) {
  const lowered = words.map((word) => word.toLowerCase());
  const name = `offers-${(lists += 1)}`;
  let places = [];
  let active = -1;
  const list = make("ul", { class: "offers", role: "listbox", id: name, hidden: true, lang: language });
  const field = make("input", {
    type: "search", placeholder: "Find a word", "aria-label": "Find a word", role: "combobox",
    "aria-autocomplete": "list", "aria-controls": name, "aria-expanded": "false", autocomplete: "off",
    spellcheck: "false", autocapitalize: "off",
    oninput: offer, onfocus: offer, onkeydown: press, onblur: close,
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the field keeps the focus
    const item = event.target.closest("[role=option]");
    if (item) take(Array.prototype.indexOf.call(list.children, item));
  });
  return make("div", { class: "field" }, field, list);

  function offer() {
    const query = field.value.trim().toLowerCase();
    if (!query) return close();
    const found = offersFor(lowered, query);
    places = found.places;
    const items = places.map((place, row) => make(
      "li", { role: "option", id: `${name}-${row}`, "aria-selected": "false" },
      make("span", {}, words[place]), make("span", { lang: "en" }, noteOf(place)),
    ));
    if (!places.length) items.push(make("li", { class: "more", lang: "en" }, "No word holds this."));
    if (found.more) items.push(make("li", { class: "more", lang: "en" }, `and ${numberText(found.more)} more`));
    list.replaceChildren(...items);
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    mark(places.length ? 0 : -1);
  }

  function mark(row) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = row;
    if (row < 0) return field.removeAttribute("aria-activedescendant");
    list.children[row].setAttribute("aria-selected", "true");
    list.children[row].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", `${name}-${row}`);
  }

  function close() {
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function take(row) {
    field.value = words[places[row]];
    close();
    choose(places[row]);
  }

  function press(event) {
    if (event.isComposing) return; // keys that belong to an input method, such as Enter
    if (event.key === "Escape") {
      if (!list.hidden) event.preventDefault();
      close();
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(active);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) return offer();
      const by = event.key === "ArrowDown" ? 1 : -1;
      if (places.length) mark((active + by + places.length) % places.length);
    }
  }
}
