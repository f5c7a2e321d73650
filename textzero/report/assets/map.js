// A map of words: a plane that is zoomed and moved, words that are pointed at, chosen and found.

function map(root, data) {
  const count = data.words.length;
  const views = data.views.map((view) => ({ ...view, x: unpack(view.x), y: unpack(view.y) }));
  const counts = data.counts ? unpack(data.counts) : null;
  const groups = data.groups ? unpack(data.groups) : null;
  const near = data.near ? unpack(data.near) : null;
  const similar = data.similar ? unpack(data.similar) : null;
  const weight = weights();
  const state = { view: 0, chosen: -1, group: null };
  const canvas = make("canvas", {
    tabindex: "0", role: "application", lang: root.lang,
    "aria-label": `${data.title}: ${numberText(count)} words. Arrow keys move, plus and minus zoom, `
      + "0 shows all; the search field chooses a word.",
  });
  const over = make("canvas", { class: "over", "aria-hidden": "true" });
  const choice = make("div", { class: "choice", "aria-live": "polite" });
  const stage = make("div", { class: "stage" }, canvas, over);
  const scene = makeScene({ canvas, over, words: data.words, views, weight, groups, state, neighboursOf });
  const noteOf = (k) => (counts ? numberText(counts[k]) : "");
  root.replaceChildren(
    make("div", { class: "tools" },
      makeSearch(data.words, noteOf, (k) => choose(k, true), root.lang),
      ...(views.length > 1 ? [viewButtons()] : []),
      make("div", { class: "zoom" },
        make("button", { type: "button", "aria-label": "Farther", onclick: () => scene.zoom(1 / 1.6) }, "−"),
        make("button", { type: "button", "aria-label": "Nearer", onclick: () => scene.zoom(1.6) }, "+"),
        make("button", { type: "button", onclick: reset }, "Reset"))),
    make("div", { class: "body" }, stage, choice),
    ...(groups ? [groupList()] : []),
  );
  showChoice();
  listenTo(canvas, scene, { onPoint: pointAt, onChoose: choose, onReset: reset });
  keepDrawn(stage, scene.resize);

  function weights() {
    if (!counts) return new Float32Array(count).fill(0.4);
    let [low, high] = [Infinity, 1];
    for (const n of counts) {
      if (n > 0 && n < low) low = n;
      if (n > high) high = n;
    }
    const span = Math.log(high / low) || 1;
    return Float32Array.from(counts, (n) => (n > low ? Math.log(n / low) / span : 0));
  }

  function viewButtons() {
    const buttons = views.map((one, place) => make("button", {
      type: "button", "aria-pressed": String(place === 0), onclick: () => {
        if (place === state.view) return;
        buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(k === place)));
        const from = state.view;
        state.view = place;
        scene.turn(from);
      },
    }, one.name));
    return make("div", { class: "views", role: "group", "aria-label": "Projection" }, ...buttons);
  }

  function groupList() {
    const sizes = new Map();
    for (const one of groups) if (one >= 0) sizes.set(one, (sizes.get(one) ?? 0) + 1);
    const ranked = [...sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const buttons = ranked.map(([number, size]) => make("button", {
      type: "button", "aria-pressed": "false", onclick: () => {
        state.group = state.group === number ? null : number;
        buttons.forEach((one, k) => one.setAttribute("aria-pressed", String(ranked[k][0] === state.group)));
        scene.draw();
      },
    }, swatch(number), make("bdi", {}, groupName(number)), ` (${numberText(size)})`));
    const items = buttons.map((button, k) => make("li", { hidden: k >= 12 }, button));
    const list = make("ul", { class: "legend", "aria-label": "Groups" }, ...items);
    if (items.length > 12) {
      const more = make("button", { type: "button", class: "link", onclick: () => {
        for (const item of items) item.hidden = false;
        more.parentElement.remove();
      } }, `and ${numberText(items.length - 12)} more groups`);
      list.append(make("li", {}, more));
    }
    return list;
  }

  function groupName(number) {
    return data.names[number] || `group ${number + 1}`;
  }

  function swatch(number) {
    return make("span", { class: `swatch ${number < 0 ? "rest" : `c${number % 10}`}` });
  }

  function neighboursOf(k) {
    if (!near || k < 0) return [];
    const found = [];
    for (let j = 0; j < data.each; j++) {
      const other = near[k * data.each + j];
      if (other < count) found.push([other, similar ? numberText(similar[k * data.each + j] / 100, 2) : ""]);
    }
    return found;
  }

  function facts(k) {
    const found = [];
    if (counts) found.push(make("div", { class: "quiet" }, `${numberText(counts[k])} times`));
    if (groups && groups[k] >= 0) {
      found.push(make("div", { class: "quiet" }, swatch(groups[k]), groupName(groups[k])));
    }
    return found;
  }

  function pointAt(k, event) {
    canvas.classList.toggle("word", k >= 0);
    scene.point(k);
    if (k < 0) return hideTip();
    const rows = neighboursOf(k).slice(0, 8).map(([other, value]) => make("tr", {},
      make("td", { lang: root.lang }, data.words[other]), make("td", {}, value)));
    showTip(event.clientX, event.clientY, make("div", { class: "head", lang: root.lang }, data.words[k]),
      ...facts(k), make("table", {}, make("tbody", {}, ...rows)));
  }

  function choose(k, fly = false) {
    state.chosen = k;
    showChoice();
    if (fly && k >= 0) scene.flyToWord(k);
    else scene.draw();
  }

  function showChoice() {
    const k = state.chosen;
    if (k < 0) {
      choice.replaceChildren(make("p", { class: "quiet hint" },
        `Point at a word to read it. Choose one, or find it above${near ? ", to see its nearest words" : ""}. `
        + "Scroll or pinch to zoom, drag to move."));
      return;
    }
    const items = neighboursOf(k).map(([other, value]) => make("li", {},
      make("button", { type: "button", class: "link", onclick: () => choose(other, true) }, data.words[other]),
      make("span", {}, value)));
    choice.replaceChildren(
      make("h3", { lang: root.lang }, data.words[k]), ...facts(k),
      ...(items.length ? [make("ol", { lang: root.lang, "aria-label": "Nearest words" }, ...items)] : []));
  }

  function reset() {
    choose(-1);
    scene.whole(true);
  }
}
