"use strict";
// Hands on a map: wheel, drag, pinch, tap and keys become calls of the map.

const WHEEL = 0.0016, KEY_STEP = 60, KEY_ZOOM = 1.4, TAP = 6; // per pixel; pixels; a factor; pixels

function listen(map, surface) {
  const pointers = new Map();
  let moved = 0, spread = 0;

  const place = (event) => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const middle = () => {
    const all = [...pointers.values()];
    return [0, 1].map((axis) => all.reduce((sum, one) => sum + one[axis], 0) / all.length);
  };
  const width = () => {
    const [a, b] = pointers.values();
    return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
  };

  surface.addEventListener("wheel", (event) => {
    // In a page with more than the map a wheel scrolls, until the reader has chosen the map.
    if (!map.alone && !event.ctrlKey && document.activeElement !== surface) return;
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    const speed = event.ctrlKey ? 6 * WHEEL : WHEEL; // so is a pinch on a touchpad told
    map.zoom(Math.exp(-Math.max(-300, Math.min(300, pixels)) * speed), ...place(event));
  }, { passive: false });

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, place(event));
    spread = width();
  });
  surface.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") map.hover(...place(event));
      return;
    }
    const before = middle();
    pointers.set(event.pointerId, place(event));
    const after = middle(), wider = width();
    moved += Math.hypot(after[0] - before[0], after[1] - before[1]) + Math.abs(wider - spread);
    if (moved > TAP) map.drag(after[0] - before[0], after[1] - before[1]);
    if (spread > 0 && wider > 0) map.zoom(wider / spread, ...after);
    spread = wider;
  });
  const release = (event) => {
    const tapped = pointers.delete(event.pointerId) && pointers.size === 0 && moved <= TAP;
    spread = width();
    if (tapped && event.type === "pointerup") map.tap(...place(event), event.pointerType);
  };
  surface.addEventListener("pointerup", release);
  surface.addEventListener("pointercancel", release);
  surface.addEventListener("pointerleave", () => map.hover(-1e9, -1e9));
  surface.addEventListener("dblclick", (event) => map.flyBy(2, ...place(event)));

  const keys = {
    ArrowLeft: () => map.drag(KEY_STEP, 0),
    ArrowRight: () => map.drag(-KEY_STEP, 0),
    ArrowUp: () => map.drag(0, KEY_STEP),
    ArrowDown: () => map.drag(0, -KEY_STEP),
    "+": () => map.flyBy(KEY_ZOOM),
    "=": () => map.flyBy(KEY_ZOOM),
    "-": () => map.flyBy(1 / KEY_ZOOM),
    0: () => map.showAll(),
    Escape: () => map.choose(-1),
    "/": () => map.searchBox.focus(),
  };
  surface.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}
