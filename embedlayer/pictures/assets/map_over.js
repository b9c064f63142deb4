"use strict";
// The letters and lines over the points, drawn anew in every frame.

const PILL = 5; // pixels around the letters of a word that stands out
const FAINTER = [1, 0.15, 0.5]; // opacities of labels, as points have them
const BOLDER = 1.12; // as wide are bold letters

class Over {
  constructor(map, canvas) {
    this.map = map;
    this.context = canvas.getContext("2d");
  }

  resize(width, height) {
    this.context.canvas.width = width;
    this.context.canvas.height = height;
  }

  draw(ratio) {
    const { map, context } = this;
    const { width, height } = map.camera;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.textBaseline = "middle";
    context.lineJoin = context.lineCap = "round";
    this.analogies();
    const pills = this.pills();
    this.lines();
    this.names(pills);
    for (const pill of pills) this.pill(pill);
  }

  place(i) {
    const { camera, x, y } = this.map;
    return [camera.screenX(x[i]), camera.screenY(y[i])];
  }

  // The labels that have room at this scale, save where a word that stands out lies over them.
  names(pills) {
    const { map, context } = this;
    const { labels } = map;
    const level = labels.levelOf(map.camera.scale);
    labels.prepare(level);
    const { width, height } = map.camera;
    const faint = pills.length > 0;
    const told = new Set(pills.map((pill) => pill.i));
    for (let size = SMALLEST; size <= LARGEST; size++) {
      context.font = map.font(size);
      for (const i of map.bySize[size - SMALLEST]) {
        if (labels.since[i] > level || told.has(i)) continue;
        const x = map.camera.screenX(map.x[i]), y = map.camera.screenY(map.y[i]) - labels.up[i];
        const left = x + labels.right[i];
        if (left > width || left + labels.widths[i] < 0 || y < -20 || y > height + 20) continue;
        const right = left + labels.widths[i];
        if (pills.some((p) => p.left < right && p.right > left && Math.abs(p.y - y) < 22)) continue;
        context.globalAlpha = Math.min(FAINTER[map.quiet[i]], faint ? 0.35 : 1);
        context.lineWidth = 3;
        context.strokeStyle = map.colours.ground;
        context.strokeText(map.shown(i), left, y);
        context.fillStyle = map.colours.text;
        context.fillText(map.shown(i), left, y);
      }
    }
    context.globalAlpha = 1;
  }

  // The words that stand out now, where they go: the one that is asked about, then its neighbours.
  pills() {
    const { map } = this;
    const placed = [];
    const add = (i, main) => {
      const [x, y] = this.place(i);
      const size = main ? 15 : 13;
      const width = map.widths.of(map.shown(i)) * size * (main ? BOLDER : 1) + 2 * PILL;
      const overlap = (left, at) => placed.some((one) =>
        one.left < left + width + 4 && one.right + 4 > left && Math.abs(one.y - at) < 24);
      const sides = [[x + 8, y], [x - 8 - width, y], [x - width / 2, y - 20], [x - width / 2, y + 20]];
      const free = sides.find(([left, at]) => !overlap(left, at));
      if (!free) return;
      const [left, at] = free;
      placed.push({ i, x, middle: y, left, right: left + width, y: at, size, main });
    };
    for (const i of map.marked()) add(i, true);
    for (const i of map.asked()) {
      for (const [other] of map.neighboursOf(i)) {
        if (!placed.some((one) => one.i === other)) add(other, false);
      }
    }
    return placed;
  }

  lines() {
    const { map, context } = this;
    context.strokeStyle = map.colours.accent;
    for (const i of map.asked()) {
      const [x, y] = this.place(i);
      context.lineWidth = 1.25;
      for (const [other, cosine] of map.neighboursOf(i)) {
        context.globalAlpha = 0.25 + 0.5 * Math.max(cosine, 0);
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(...this.place(other));
        context.stroke();
        this.ring(other, 3.5, 1.25);
      }
      context.globalAlpha = 1;
      this.ring(i, 6, 2.25);
    }
    context.globalAlpha = 1;
  }

  ring(i, radius, width) {
    const { context } = this;
    context.lineWidth = width;
    context.beginPath();
    context.arc(...this.place(i), radius, 0, 2 * Math.PI);
    context.stroke();
  }

  pill({ i, left, right, y, size, main }) {
    const { map, context } = this;
    context.beginPath();
    context.roundRect(left, y - size * 0.8, right - left, size * 1.6, 6);
    context.fillStyle = map.colours.surface;
    context.globalAlpha = 0.94;
    context.fill();
    context.globalAlpha = 1;
    if (main) {
      context.strokeStyle = map.colours.accent;
      context.lineWidth = 1.25;
      context.stroke();
    }
    context.font = map.font(size, main ? 600 : 400);
    context.fillStyle = map.colours.text;
    context.fillText(map.shown(i), left + PILL, y, right - left - 2 * PILL);
  }

  // a is to b as c is to d: two arrows, a → b and c → d, and the other two sides, dashed.
  analogies() {
    const { map, context } = this;
    for (const [a, b, c, d] of map.analogies) {
      const corners = [a, b, d, c].map((i) => this.place(i));
      context.beginPath();
      corners.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.globalAlpha = 0.07;
      context.fillStyle = map.colours.strong;
      context.fill();
      context.globalAlpha = 0.85;
      context.strokeStyle = map.colours.strong;
      context.lineWidth = 1;
      context.setLineDash([4, 4]);
      this.stroke(corners[0], corners[3]);
      this.stroke(corners[1], corners[2]);
      context.setLineDash([]);
      context.lineWidth = 1.75;
      this.arrow(corners[0], corners[1]);
      this.arrow(corners[3], corners[2]);
      context.globalAlpha = 1;
    }
  }

  stroke(from, to) {
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
  }

  arrow(from, to) {
    const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
    const tip = [to[0] - 6 * Math.cos(angle), to[1] - 6 * Math.sin(angle)];
    this.stroke(from, tip);
    for (const side of [-0.45, 0.45]) {
      this.stroke(tip, [tip[0] - 9 * Math.cos(angle + side), tip[1] - 9 * Math.sin(angle + side)]);
    }
  }
}
