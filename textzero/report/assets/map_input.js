// How hands reach a map: mouse, wheel, one finger, two, and the keyboard.

const REACH = 16; // a pointer that far off still points at a word, in CSS pixels

// onPoint(k, event) and onChoose(k): a word by its number, -1 for none.
function listenTo(canvas, scene, { onPoint, onChoose, onReset }) {
  const held = new Map();
  let moved = 0;
  let scrolled = -Infinity;
  addEventListener("scroll", (event) => { scrolled = event.timeStamp; }, { passive: true });

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  // A page on its way is not stopped by a map that comes under the pointer; nor is one that could
  // only be zoomed out of a map that shows all.
  canvas.addEventListener("wheel", (event) => {
    const passing = event.timeStamp - scrolled < 250 && !event.ctrlKey;
    if (passing || (event.deltaY > 0 && !scene.zoomed() && !event.ctrlKey)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    const by = Math.max(-160, Math.min(160, event.deltaY * lines));
    scene.zoom(Math.exp(-by * (event.ctrlKey ? 0.01 : 0.003)), ...at(event));
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held.set(event.pointerId, at(event));
    if (held.size === 1) moved = 0;
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (!held.has(event.pointerId)) return onPoint(scene.nearest(x, y, REACH), event);
    const [oldX, oldY] = held.get(event.pointerId);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    held.set(event.pointerId, [x, y]);
    moved += Math.abs(x - oldX) + Math.abs(y - oldY);
    if (moved < 4) return;
    onPoint(-1, event);
    if (others.length) {
      const [ox, oy] = others[0];
      const before = Math.hypot(oldX - ox, oldY - oy);
      scene.move((x - oldX) / 2, (y - oldY) / 2);
      if (before > 0) scene.zoom(Math.hypot(x - ox, y - oy) / before, (x + ox) / 2, (y + oy) / 2);
    } else if (event.pointerType === "mouse" || scene.zoomed()) {
      canvas.classList.add("held");
      scene.move(x - oldX, y - oldY);
    }
  });

  function release(event) {
    const tap = held.size === 1 && moved < 4 && event.type === "pointerup";
    held.delete(event.pointerId);
    canvas.classList.remove("held");
    if (tap) onChoose(scene.nearest(...at(event), event.pointerType === "mouse" ? REACH : 2 * REACH));
  }

  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => onPoint(-1, event));
  canvas.addEventListener("dblclick", (event) => scene.zoom(event.shiftKey ? 0.5 : 2, ...at(event)));

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (moves[event.key]) scene.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") scene.zoom(1.4);
    else if (event.key === "-" || event.key === "_") scene.zoom(1 / 1.4);
    else if (event.key === "0" || event.key === "Home") onReset();
    else if (event.key === "Escape") onChoose(-1);
    else return;
    event.preventDefault();
  });
}
