// What is seen of a map: where the camera is, and how points and words are drawn from there.

const CLOSEST = 150; // times the view of the whole

// words, views as unpacked, weight 0 to 1 and group (or null) by word; state: {view, chosen, group}.
function makeScene({ canvas, over, words, views, weight, groups, state, neighboursOf }) {
  const count = words.length;
  const points = {
    x: new Float32Array(count), y: new Float32Array(count), // in CSS pixels, as shown
    radius: new Float32Array(count), colour: Uint8Array.from({ length: count }, colourAt),
  };
  const font = getComputedStyle(document.body).fontFamily;
  const context = canvas.getContext("2d");
  const upper = over.getContext("2d");
  const widths = new Map();
  let camera = { x: 0.5, y: 0.5, scale: 0 };
  let turning = null; // {from, share}: on the way from another view
  let drawing = 0;
  let flight = 0;
  let size = { width: 0, height: 0, ratio: 1 };
  let colours = null;

  function colourAt(_, k) {
    if (!groups) return 0;
    return groups[k] < 0 ? 10 : groups[k] % 10;
  }

  function resize(width, printing) {
    const was = fitScale();
    const height = printing ? Math.round(width * 0.62) : canvas.clientHeight;
    const ratio = printing ? 3 : Math.min(3, window.devicePixelRatio || 1);
    size = { width, height, ratio };
    for (const one of [canvas, over]) [one.width, one.height] = [width * ratio, height * ratio];
    colours = {
      paper: colourOf("--paper"), ink: colourOf("--ink"), accent: colourOf("--accent"),
      groups: [...Array.from({ length: 10 }, (_, k) => colourOf(`--c${k}`)), colourOf("--rest")],
    };
    if (!camera.scale) whole();
    else camera.scale *= fitScale() / was;
    drawNow();
  }

  const unit = (steps) => steps / 65535;
  const extent = () => views[state.view].size;
  const homes = views.map(homeOf);

  // Where nearly all points are: a few far away must not make the rest small.
  function homeOf({ x, y, size: [w, h] }) {
    const [[left, right], [bottom, top]] = [middle(x, w), middle(y, h)];
    return { x: (left + right) / 2, y: (bottom + top) / 2, w: right - left, h: top - bottom };
  }

  function middle(steps, all) {
    const sorted = Float32Array.from(steps).sort();
    const [low, high] = [0.005, 0.995].map((share) => unit(sorted[Math.round(share * (count - 1))]));
    const margin = (high - low) * 0.06;
    if (!(high > low)) return [0, all];
    return [Math.max(0, low - margin), Math.min(all, high + margin)];
  }

  function fitScale([w, h] = [homes[state.view].w, homes[state.view].h]) {
    const room = Math.min(40, size.width * 0.06);
    return Math.max(1, Math.min((size.width - 2 * room) / (w || 1), (size.height - 2 * room) / (h || 1)));
  }

  function wholeCamera() {
    const { x, y } = homes[state.view];
    return { x, y, scale: fitScale() };
  }

  function whole(slowly = false) {
    if (slowly) return flyTo(wholeCamera());
    camera = wholeCamera();
  }

  // Views are turned into each other: a word keeps its name on the way.
  function project() {
    const { x, y } = views[state.view];
    const { scale } = camera;
    const dx = size.width / 2 - camera.x * scale;
    const dy = size.height / 2 + camera.y * scale;
    const step = scale / 65535;
    for (let k = 0; k < count; k++) {
      points.x[k] = dx + x[k] * step;
      points.y[k] = dy - y[k] * step;
    }
    if (!turning) return;
    const old = views[turning.from];
    const oldStep = turning.camera.scale / 65535;
    const [ox, oy] = [size.width / 2 - turning.camera.x * turning.camera.scale,
      size.height / 2 + turning.camera.y * turning.camera.scale];
    const left = 1 - turning.share;
    for (let k = 0; k < count; k++) {
      points.x[k] += (ox + old.x[k] * oldStep - points.x[k]) * left;
      points.y[k] += (oy - old.y[k] * oldStep - points.y[k]) * left;
    }
  }

  function draw() {
    if (!drawing) drawing = requestAnimationFrame(drawNow);
  }

  function drawNow() {
    cancelAnimationFrame(drawing);
    drawing = 0;
    if (!size.width) return;
    project();
    const near = camera.scale / fitScale();
    const { ratio, width, height } = size;
    const grow = Math.min(2.4, near ** 0.3) * (count > 5000 ? 1 : 1.5) * ratio;
    for (let k = 0; k < count; k++) {
      points.radius[k] = Math.round((0.9 + 1.5 * weight[k]) * grow * 5) / 5;
    }
    const strength = Math.max(0.35, Math.min(0.85, (near * 2600) / count));
    const dim = state.group != null ? (k) => groups[k] !== state.group : null;
    const chosen = state.chosen >= 0 ? [state.chosen, ...neighboursOf(state.chosen).map(([k]) => k)] : [];
    const pixels = { ...points, x: points.x.map((v) => v * ratio), y: points.y.map((v) => v * ratio) };
    paintPoints(context, colours.paper, pixels, colours.groups, strength, dim);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [ink, paper, accent] = [colours.ink, colours.paper, colours.accent].map((c) => `rgb(${c.join()})`);
    mark(context, chosen, accent, paper);
    let shown = points;
    if (dim) shown = { x: points.x.map((x, k) => (dim(k) ? -1 : x)), y: points.y };
    const labels = placeLabels(measure, shown, sizeOf, chosen, width, height);
    for (const label of labels.reverse()) writeLabel(context, words[label.k], label, font, ink, paper);
    context.setTransform(1, 0, 0, 1, 0, 0);
    canvas.classList.toggle("zoomed", near > 1.02);
    point(-1);
  }

  // The chosen word in a ring, lines to those near it.
  function mark(context, chosen, accent, paper) {
    if (!chosen.length) return;
    const [first, ...others] = chosen;
    context.strokeStyle = accent;
    context.lineWidth = 1.2;
    context.globalAlpha = 0.55;
    context.beginPath();
    for (const k of others) {
      context.moveTo(points.x[first], points.y[first]);
      context.lineTo(points.x[k], points.y[k]);
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const k of chosen) ring(context, k, k === first ? 5.5 : 3.5, accent, paper);
  }

  function ring(context, k, radius, accent, paper) {
    context.beginPath();
    context.arc(points.x[k], points.y[k], radius, 0, 2 * Math.PI);
    context.fillStyle = accent;
    context.strokeStyle = paper;
    context.lineWidth = 2;
    context.fill();
    context.stroke();
  }

  const sizeOf = (k) => Math.round(11 + 4 * weight[k]);

  function measure(k, size, strong) {
    const key = k * 64 + size + (strong ? 32 : 0);
    let width = widths.get(key);
    if (width === undefined) {
      context.font = `${strong ? 650 : 500} ${size}px ${font}`;
      width = context.measureText(words[k]).width;
      widths.set(key, width);
    }
    return width;
  }

  // A ring and the word on the upper canvas; -1 clears it.
  function point(k) {
    const { ratio } = size;
    upper.setTransform(ratio, 0, 0, ratio, 0, 0);
    upper.clearRect(0, 0, size.width, size.height);
    if (k < 0) return;
    const [ink, paper] = [colours.ink, colours.paper].map((c) => `rgb(${c.join()})`);
    ring(upper, k, 4.5, ink, paper);
  }

  function nearest(x, y, reach) {
    let best = reach * reach;
    let found = -1;
    for (let k = 0; k < count; k++) {
      const dx = points.x[k] - x;
      const dy = points.y[k] - y;
      const distance = dx * dx + dy * dy;
      if (distance < best && !(state.group != null && groups[k] !== state.group)) [best, found] = [distance, k];
    }
    return found;
  }

  // The point under (x, y) stays there.
  function zoom(by, x = size.width / 2, y = size.height / 2) {
    const least = Math.min(fitScale(), fitScale(extent())) * 0.85;
    const scale = Math.max(least, Math.min(fitScale() * CLOSEST, camera.scale * by));
    const change = 1 / camera.scale - 1 / scale;
    camera.x += (x - size.width / 2) * change;
    camera.y -= (y - size.height / 2) * change;
    camera.scale = scale;
    stop();
    keepInside();
    draw();
  }

  function move(dx, dy) {
    camera.x -= dx / camera.scale;
    camera.y += dy / camera.scale;
    stop();
    keepInside();
    draw();
  }

  function keepInside() {
    const [w, h] = extent();
    camera.x = Math.max(0, Math.min(w, camera.x));
    camera.y = Math.max(0, Math.min(h, camera.y));
  }

  const stop = () => cancelAnimationFrame(flight);

  function animate(frame, done = draw) {
    stop();
    if (still.matches || document.hidden) {
      frame(1);
      return done();
    }
    const begin = performance.now();
    const tick = (now) => {
      const share = Math.max(0, Math.min(1, (now - begin) / 450));
      frame(share * share * (3 - 2 * share));
      if (share === 1) return done();
      drawNow();
      flight = requestAnimationFrame(tick);
    };
    flight = requestAnimationFrame(tick);
  }

  function flyTo(target) {
    const start = { ...camera };
    animate((share) => {
      camera.scale = start.scale * (target.scale / start.scale) ** share;
      camera.x = start.x + (target.x - start.x) * share;
      camera.y = start.y + (target.y - start.y) * share;
    });
  }

  function flyToWord(k) {
    const { x, y } = views[state.view];
    const scale = Math.max(camera.scale, fitScale() * (count > 2000 ? 6 : 2));
    flyTo({ x: unit(x[k]), y: unit(y[k]), scale });
  }

  // Shows the view that is now the state's; the whole of it, or where the chosen word is.
  function turn(from) {
    turning = { from, share: 0, camera: { ...camera } };
    camera = wholeCamera();
    animate((share) => { turning.share = share; }, () => {
      turning = null;
      if (state.chosen >= 0) flyToWord(state.chosen);
      else draw();
    });
  }

  const zoomed = () => camera.scale > fitScale() * 1.02;
  return { draw, resize, zoom, move, whole, turn, flyToWord, nearest, point, points, zoomed };
}
