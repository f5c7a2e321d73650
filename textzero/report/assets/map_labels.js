// Words on a map: the most frequent first, none on another; as one comes nearer there is room for more.

const CELL = [52, 20]; // pixels
const TRIED = 3; // words of one cell that are asked whether there is room
const ROOM = 4200; // square pixels for each word that is written

// Returns [{k, x, y, size, strong}]: where words are written, from their left, at half their height.
function placeLabels(measure, points, sizeOf, first, width, height) {
  const taken = [];
  const labels = [];
  const done = new Set();

  function free(box) {
    if (box[0] < 2 || box[1] < 2 || box[2] > width - 2 || box[3] > height - 2) return false;
    for (const other of taken) {
      if (box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]) return false;
    }
    return true;
  }

  function put(k, strong) {
    done.add(k);
    const [x, y] = [points.x[k], points.y[k]];
    if (x < 0 || y < 0 || x > width || y > height) return false;
    const size = sizeOf(k) + (strong ? 1 : 0);
    const long = measure(k, size, strong);
    const gap = 6;
    const half = size * 0.62;
    const spots = [[x + gap, y], [x - gap - long, y], [x - long / 2, y - gap - half], [x - long / 2, y + gap + half]];
    for (const [left, middle] of spots) {
      const box = [left - 3, middle - half - 1, left + long + 3, middle + half + 1];
      if (!free(box)) continue;
      taken.push(box);
      labels.push({ k, x: left, y: middle, size, strong });
      return true;
    }
    return false;
  }

  for (const k of first) put(k, true);
  const most = Math.round((width * height) / ROOM) + first.length;
  const across = Math.ceil(width / CELL[0]);
  const tried = new Uint8Array(across * Math.ceil(height / CELL[1]) + across);
  for (let k = 0; k < points.x.length && labels.length < most; k++) {
    const [x, y] = [points.x[k], points.y[k]];
    if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
    const cell = Math.floor(y / CELL[1]) * across + Math.floor(x / CELL[0]);
    if (tried[cell] >= TRIED || done.has(k)) continue;
    tried[cell] = put(k, false) ? TRIED : tried[cell] + 1;
  }
  return labels;
}

// Writes one word with a rim of paper, so that it can be read on points.
function writeLabel(context, text, label, font, ink, paper, rim = 3.5) {
  context.font = `${label.strong ? 650 : 500} ${label.size}px ${font}`;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = rim;
  context.strokeStyle = paper;
  context.strokeText(text, label.x, label.y);
  context.fillStyle = ink;
  context.fillText(text, label.x, label.y);
}
