// A chart: lines and points over two axes, drawn to the width there is; pointing shows the values.

function chart(root, data) {
  const lines = data.lines.map((line, place) => ({
    ...line, x: unpack(line.x), y: unpack(line.y), colour: `c${place % 10}`, hidden: false,
  }));
  const legend = make("ul", { class: "legend" });
  const picture = draw("svg", {
    role: "img", tabindex: "0", onpointermove: point, onpointerdown: point, onpointerleave: leave,
    onpointercancel: leave,
    onkeydown: step, onblur: leave,
    "aria-label": `${data.title}: ${data.y} by ${data.x}, ${lines.map((one) => one.name).join(", ")}. `
      + "Arrow keys read the values.",
  });
  root.append(...(lines.length > 1 ? [legend] : []), picture);
  root.parentElement.querySelector("details")?.removeAttribute("open"); // it stood for the picture
  const marks = draw("g", {});
  let axes = null;
  let reading = -1;
  for (const line of lines) legend.append(make("li", {}, legendButton(line)));
  keepDrawn(root, redraw);

  function legendButton(line) {
    const sample = line.style === "points"
      ? draw("circle", { class: "dots", cx: "50%", cy: "50%", r: 3.5 })
      : draw("path", { class: `line ${line.style}`, d: "M0 5H20" });
    const button = make("button", { type: "button", "aria-pressed": "true", onclick: toggle },
      draw("svg", { class: line.colour, viewBox: "0 0 20 10", "aria-hidden": "true" }, sample), line.name);
    function toggle() {
      line.hidden = !line.hidden;
      button.setAttribute("aria-pressed", String(!line.hidden));
      redraw(axes.width);
    }
    return button;
  }

  const isWhole = (values) => values.every((value) => Number.isInteger(value) || Number.isNaN(value));
  const [wholeX, wholeY] = [lines.every(({ x }) => isWhole(x)), lines.every(({ y }) => isWhole(y))];
  const drawn = (x, y) =>
    Number.isFinite(x) && Number.isFinite(y) && !(data.xLog && x <= 0) && !(data.yLog && y <= 0);

  function limits() {
    const box = [Infinity, -Infinity, Infinity, -Infinity];
    for (const { x, y, hidden } of lines) {
      for (let k = 0; k < x.length && !hidden; k++) {
        if (!drawn(x[k], y[k])) continue;
        box[0] = Math.min(box[0], x[k]);
        box[1] = Math.max(box[1], x[k]);
        box[2] = Math.min(box[2], y[k]);
        box[3] = Math.max(box[3], y[k]);
      }
    }
    return box;
  }

  function redraw(width) {
    const height = Math.round(Math.max(230, Math.min(380, width * 0.5)));
    let [left, right, low, high] = limits();
    if (!data.yLog && low > 0 && low < high * 0.5) low = 0;
    const bottom = height - 42;
    [low, high] = roundLimits(low, high, data.yLog, bottom - 28, wholeY);
    const y = makeAxis(low, high, data.yLog, bottom, 28, { whole: wholeY });
    const margin = 12 + 7 * Math.max(2, ...y.ticks.map((tick) => tick.text.length));
    const x = makeAxis(left, right, data.xLog, margin, width - 16, { each: 90, whole: wholeX });
    axes = { x, y, width, height, bottom, margin };
    const parts = [draw("text", { class: "title", x: 0, y: 13 }, data.y)];
    for (const { value, text } of y.ticks) {
      const at = y.place(value).toFixed(1);
      parts.push(draw("line", { class: "grid", x1: margin, x2: width - 8, y1: at, y2: at }));
      parts.push(draw("text", { x: margin - 8, y: at, dy: ".35em", "text-anchor": "end" }, text));
    }
    let free = -Infinity;
    for (const { value, text } of x.ticks) {
      const at = x.place(value);
      parts.push(draw("line", { class: "axis", x1: at, x2: at, y1: bottom, y2: bottom + 5 }));
      const half = text.length * 3.6;
      if (at - half < free) continue;
      free = at + half + 8;
      parts.push(draw("text", { x: Math.min(at, width - half), y: bottom + 19, "text-anchor": "middle" }, text));
    }
    parts.push(draw("line", { class: "axis", x1: margin, x2: width - 8, y1: bottom, y2: bottom }));
    parts.push(draw("text", { class: "title", x: width - 8, y: height - 4, "text-anchor": "end" }, data.x));
    for (const line of lines) if (!line.hidden) parts.push(...shapes(line));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    marks.replaceChildren();
    picture.replaceChildren(...parts, marks);
  }

  function shapes(line) {
    const dots = line.style === "points" || line.x.length === 1;
    const path = dots ? dotPath(line) : linePath(line);
    const shown = [draw("path", { class: dots ? "dots" : `line ${line.style}`, d: path })];
    if (!dots && line.x.length <= 40) shown.push(draw("path", { class: "dots", d: dotPath(line) }));
    return [draw("g", { class: line.colour }, ...shown)];
  }

  // Of the points in one column of pixels: the first, the lowest, the highest and the last.
  function linePath({ x, y }) {
    let path = "";
    let column = NaN;
    let kept = [];
    let broken = true;
    const put = () => {
      for (const [px, py] of kept) {
        path += `${broken ? "M" : "L"}${px.toFixed(1)} ${py.toFixed(1)}`;
        broken = false;
      }
      kept = [];
    };
    for (let k = 0; k < x.length; k++) {
      if (!drawn(x[k], y[k])) {
        put();
        broken = true;
        continue;
      }
      const point = [axes.x.place(x[k]), axes.y.place(y[k])];
      if (Math.floor(point[0]) !== column) {
        put();
        column = Math.floor(point[0]);
        kept = [point];
      } else if (kept.length < 4) {
        kept.push(point);
      } else {
        const [first, second, third] = kept;
        const rest = [second, third, kept[3]].sort((a, b) => a[1] - b[1]);
        kept = [first, rest[0], rest[2], point];
      }
    }
    put();
    return path;
  }

  // One dot of those that fall on the same pixel.
  function dotPath({ x, y, style }) {
    const seen = new Set();
    const r = style === "points" && x.length > 500 ? 1.8 : 2.8;
    let path = "";
    for (let k = 0; k < x.length; k++) {
      if (!drawn(x[k], y[k])) continue;
      const [px, py] = [axes.x.place(x[k]), axes.y.place(y[k])];
      const pixel = Math.round(px) * 4096 + Math.round(py);
      if (seen.has(pixel)) continue;
      seen.add(pixel);
      path += `M${(px - r).toFixed(1)} ${py.toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    }
    return path;
  }

  function point(event) {
    const box = picture.getBoundingClientRect();
    const scale = axes.width / box.width;
    show(nearest((event.clientX - box.left) * scale, (event.clientY - box.top) * scale));
  }

  function leave(event) {
    if (event.pointerType === "touch" && event.type === "pointerleave") return; // a lifted finger
    hideTip();
    marks.replaceChildren();
    reading = -1;
  }

  // Of each line the point nearest to a place: along x, or for points in the plane.
  function nearest(px, py) {
    const found = [];
    for (const line of lines) {
      if (line.hidden) continue;
      const flat = line.style === "points" ? 1 : 0.02;
      let best = null;
      for (let k = 0; k < line.x.length; k++) {
        if (!drawn(line.x[k], line.y[k])) continue;
        const dx = axes.x.place(line.x[k]) - px;
        const dy = (axes.y.place(line.y[k]) - py) * flat;
        const distance = dx * dx + dy * dy;
        if (!best || distance < best.distance) best = { line, k, distance };
      }
      if (best) found.push(best);
    }
    if (!found.length) return found;
    const closest = found.reduce((a, b) => (b.distance < a.distance ? b : a));
    const at = axes.x.place(closest.line.x[closest.k]);
    return found.filter(({ line, k, distance }) =>
      line === closest.line
        || (line.style === "points" ? distance < 100 : Math.abs(axes.x.place(line.x[k]) - at) < 12));
  }

  function show(found) {
    if (!found.length) return;
    const shown = found.map(({ line, k }) => {
      const label = line.labels[k] ? `${line.labels[k]} ` : "";
      return { line, label, x: line.x[k], y: line.y[k] };
    });
    const at = axes.x.place(shown[0].x);
    marks.replaceChildren(
      draw("line", { class: "rule", x1: at, x2: at, y1: 24, y2: axes.bottom }),
      ...shown.map(({ line, x, y }) => draw("circle", {
        class: `spot ${line.colour}`, cx: axes.x.place(x), cy: axes.y.place(y), r: 5,
      })),
    );
    const rows = shown.map(({ line, label, x, y }) => make("tr", {},
      make("td", {}, make("span", { class: `swatch ${line.colour}` }), label || line.name),
      ...(same(shown) ? [] : [make("td", {}, numberText(x))]),
      make("td", {}, numberText(y))));
    const head = same(shown) ? [make("div", { class: "head" }, `${data.x} ${numberText(shown[0].x)}`)] : [];
    const box = picture.getBoundingClientRect();
    const scale = box.width / axes.width;
    showTip(box.left + at * scale, box.top + axes.y.place(shown[0].y) * scale, ...head,
      make("table", {}, make("tbody", {}, ...rows)));
  }

  const same = (shown) => shown.every(({ x }) => x === shown[0].x);

  function step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    const line = lines.find((one) => !one.hidden && one.x.length);
    if (!by || !line) return;
    event.preventDefault();
    reading = Math.max(0, Math.min(line.x.length - 1, reading < 0 ? 0 : reading + by));
    if (!drawn(line.x[reading], line.y[reading])) return;
    const found = nearest(axes.x.place(line.x[reading]), axes.y.place(line.y[reading]));
    show(found);
    const values = found.map(({ line: { labels, name, y }, k }) =>
      [labels[k], name, numberText(y[k])].filter(Boolean).join(" "));
    say(`${data.x} ${numberText(line.x[reading])}: ${values.join(", ")}`);
  }
}
