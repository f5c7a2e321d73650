// The points of a map, put into an image pixel by pixel: 50,000 of them in a few milliseconds.

const STEPS = 4; // places inside a pixel that a disc can have
const SIZES = 16; // steps of size

function makeDiscs() {
  const discs = new Map();
  // How much of each pixel a disc covers; its centre is at (fx, fy) of the middle pixel.
  return (radius, fx, fy) => {
    const key = `${radius} ${fx} ${fy}`;
    let disc = discs.get(key);
    if (disc) return disc;
    const half = Math.ceil(radius + 1);
    const width = 2 * half + 1;
    const cover = new Uint8Array(width * width);
    const [cx, cy] = [half + (fx + 0.5) / STEPS, half + (fy + 0.5) / STEPS];
    for (let y = 0; y < width; y++) {
      for (let x = 0; x < width; x++) {
        const distance = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
        cover[y * width + x] = Math.round(255 * Math.max(0, Math.min(1, radius + 0.5 - distance)));
      }
    }
    disc = { half, width, cover };
    discs.set(key, disc);
    return disc;
  };
}

const discOf = makeDiscs();

// points: {x, y} in pixels, {radius} by word, {colour} by word as index, colours as [r, g, b].
function paintPoints(context, paper, points, colours, strength, faint) {
  const { width, height } = context.canvas;
  const image = context.createImageData(width, height);
  const pixels = image.data;
  new Uint32Array(pixels.buffer).fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
  for (let k = points.x.length - 1; k >= 0; k--) {
    const [x, y] = [points.x[k], points.y[k]];
    if (!(x > -20 && y > -20 && x < width + 20 && y < height + 20)) continue;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const disc = discOf(points.radius[k], Math.floor((x - left) * STEPS), Math.floor((y - top) * STEPS));
    const [red, green, blue] = colours[points.colour[k]];
    const alpha = (faint && faint(k) ? 0.13 : 1) * strength;
    const { half, width: side, cover } = disc;
    const y0 = Math.max(0, top - half);
    const y1 = Math.min(height - 1, top + half);
    const x0 = Math.max(0, left - half);
    const x1 = Math.min(width - 1, left + half);
    for (let py = y0; py <= y1; py++) {
      let from = (py - top + half) * side + (x0 - left + half);
      let to = 4 * (py * width + x0);
      for (let px = x0; px <= x1; px++, to += 4) {
        const share = (cover[from++] * alpha) / 255;
        if (!share) continue;
        pixels[to] += (red - pixels[to]) * share;
        pixels[to + 1] += (green - pixels[to + 1]) * share;
        pixels[to + 2] += (blue - pixels[to + 2]) * share;
      }
    }
  }
  context.putImageData(image, 0, 0);
}
