// Texts of coloured stretches; more of them on demand, and their notes for those who tap.

const MORE = 30;

function spanElements(spans) {
  const found = [];
  for (const span of spans) {
    if (typeof span === "string") {
      found.push(span);
      continue;
    }
    const [text, name, label, about] = span;
    found.push(make("span", { class: name || null, title: about || null }, text));
    if (label) found.push(make("span", { class: "tag" }, label));
  }
  return found.length ? found : [make("span", { class: "quiet" }, "(no text)")];
}

function passageElement(passage, language) {
  return make(
    "article", {},
    ...(passage.heading ? [make("h3", {}, passage.heading)] : []),
    make("p", { class: "words", lang: language }, ...spanElements(passage.spans)),
  );
}

function passages(root, data) {
  const language = root.querySelector(".words")?.lang ?? "";
  const total = data.items.length;
  let shown = Math.min(MORE, total);
  const count = make("span", { role: "status" });
  const button = make("button", { type: "button", onclick: more });
  const pager = make("div", { class: "pager" }, count, button);
  root.querySelector(":scope > .quiet")?.remove();
  root.append(pager);
  label();

  function label() {
    count.textContent = `${numberText(shown)} of ${numberText(total)} texts`;
    button.textContent = `Show ${numberText(Math.min(MORE, total - shown))} more`;
    button.hidden = shown === total;
  }

  function more() {
    const next = data.items.slice(shown, shown + MORE).map((one) => passageElement(one, language));
    pager.before(...next);
    shown += next.length;
    next[0].setAttribute("tabindex", "-1");
    next[0].focus({ preventScroll: true });
    label();
  }
}

// A tap shows what a pointer at rest would.
document.addEventListener("click", (event) => {
  const pointed = event.target.closest?.(".words [title], .matrix [title]");
  if (!pointed) return event.target.closest?.(".chart, .map") || hideTip();
  const box = pointed.getBoundingClientRect();
  showTip(event.clientX || box.left, event.clientY || box.bottom, pointed.title);
});
