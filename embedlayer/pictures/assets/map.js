"use strict";
// Maps of words: every <section class="word-map" data-map="NAME"> shows pageData.maps[NAME].

const GROUPS = 8, NO_LABEL = 65535; // labels with a colour of their own; the group of words without one
const SMALLEST = 12, LARGEST = 15; // letters, in pixels
const MANY = 5000; // words whose points let those below shine through
const QUIET = 1, UNLABELLED = 2; // of points and labels that are fainter than others
const FLIGHT = 420; // milliseconds
const BANDS = 32; // of the map, whose points are painted together
const NEAR = 14; // pixels between a pointer and a point that it means

class WordMap {
  constructor(element, data) {
    Object.assign(this, { element, counts: data.counts, groupNames: data.labels, groups: data.groups });
    this.words = data.words;
    this.spelt = data.shown;
    this.analogies = data.analogies;
    this.centre = data.centre;
    this.neighbours = data.neighbours;
    this.cosines = data.cosines;
    this.each = data.each; // neighbours of a word
    this.alone = element.dataset.alone === "yes";
    const size = this.words.length;
    this.x = new Float32Array(size).map((_, i) => data.points[2 * i]);
    this.y = new Float32Array(size).map((_, i) => data.points[2 * i + 1]);
    this.shares = shares(data.counts, size);
    this.chosen = this.hovered = -1;
    this.outstanding = null;
    this.camera = new Camera(this.x, this.y);
    this.search = new Search(this.words);
    this.build(data.title);
    this.style();
    this.measure();
    this.resize();
    new ResizeObserver(() => this.resize()).observe(this.surface);
    whenSchemeChanges(() => this.style());
  }

  build(title) {
    const canvas = () => make("canvas", { "aria-hidden": "true" });
    const size = numbers.format(this.words.length);
    const [below, above] = [canvas(), canvas()];
    this.surface = make("div", {
      class: "map-surface", tabindex: "0", role: "application",
      "aria-label": `${title}: a map of ${size} words. Arrow keys move it, plus and minus zoom, 0 `
        + "shows all of it, slash finds a word.",
    }, below, above);
    this.points = new Points(below);
    this.over = new Over(this, above);
    this.widths = new Widths(this.over.context);
    const { box, element } = searchBox(this);
    this.searchBox = box;
    this.card = make("aside", { class: "map-card", "aria-live": "polite" });
    this.card.hidden = true;
    this.element.replaceChildren(
      this.surface, element, zoomButtons(this), legend(this), this.card);
    listen(this, this.surface);
  }

  font(size, weight = 400) {
    return `${weight} ${size}px ${this.colours.letters}`;
  }

  shown(i) {
    return this.spelt[i] ?? this.words[i];
  }

  // Sizes of points and letters by frequency, and which words come first.
  measure() {
    const size = this.words.length, steps = LARGEST - SMALLEST;
    const base = Math.min(Math.max(6.2 - 0.95 * Math.log10(size), 1.5), 5);
    this.radii = this.shares.map((share) => base * (0.8 + 0.6 * share ** 2));
    const pinned = new Set([...this.analogies.flat(), ...(this.centre < 0 ? [] : [this.centre])]);
    const all = Array.from(this.words.keys());
    const order = Int32Array.from(new Set([
      ...pinned, ...all.filter((i) => !this.isUnlabelled(i)), ...all,
    ]));
    this.painted = inBands(order, this.y, this.camera, (i) =>
      (pinned.has(i) ? 0 : this.isUnlabelled(i) ? 2 : 1));
    const sizes = this.shares.map((share, i) =>
      SMALLEST + (pinned.has(i) ? steps : Math.round(share ** 2 * steps)));
    this.over.context.font = this.font(100);
    const widths = sizes.map((letters, i) => this.widths.of(this.shown(i)) * letters);
    const gaps = this.radii.map((radius) => radius * 1.4 + 4);
    this.bySize = Array.from({ length: steps + 1 }, (_, step) =>
      order.filter((i) => sizes[i] === SMALLEST + step));
    this.measures = { x: this.x, y: this.y, order, widths, sizes, gaps };
  }

  // Labels of larger scales are placed while nothing else is to be done.
  lay() {
    const labels = new Labels(this.camera.whole * FARTHEST, this.camera, this.measures);
    const most = labels.levelOf(this.camera.whole * NEAREST);
    const step = (deadline) => {
      while (labels.done < most && deadline.timeRemaining() > 12) labels.prepare(labels.done + 1);
      if (labels.done < most && this.labels === labels) requestIdleCallback(step);
    };
    this.labels = labels;
    requestIdleCallback(step);
  }

  style() {
    this.colours = Object.fromEntries(
      ["ground", "surface", "text", "accent", "strong", "letters"].map((name) => [name, colour(name)]));
    this.ground = bytes(this.colours.ground);
    const [low, high] = [bytes(colour("scale-low")), bytes(colour("scale-high"))];
    const groups = Array.from({ length: GROUPS }, (_, k) => bytes(colour(`group-${k}`)));
    const none = bytes(colour("group-none"));
    this.fills = Int32Array.from(this.words, (_, i) =>
      this.groupNames === null ? mixed(low, high, this.shares[i]) : groups[this.groups[i]] ?? none);
    this.fade();
  }

  fade() {
    this.quiet = Uint8Array.from(this.words, (_, i) =>
      this.isQuiet(i) ? QUIET : this.outstanding === null && this.isUnlabelled(i) ? UNLABELLED : 0);
    this.redraw();
  }

  // Whether others have labels, and this word has none.
  isUnlabelled(i) {
    return this.groupNames !== null && this.groups[i] === NO_LABEL;
  }

  // Whether a word stands back, as a reader has chosen another label than its own.
  isQuiet(i) {
    if (this.outstanding === null) return false;
    const group = this.groups[i];
    return (group >= GROUPS && group !== NO_LABEL ? GROUPS : group) !== this.outstanding;
  }

  standOut(group) {
    this.outstanding = group;
    this.fade();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.surface;
    if (width === 0 || height === 0) return; // it is hidden; the observer calls when it is not
    const same = width === this.camera.width && height === this.camera.height;
    if (same && this.ratio === devicePixelRatio) return;
    this.ratio = devicePixelRatio;
    for (const one of [this.points, this.over]) {
      one.resize(Math.round(width * this.ratio), Math.round(height * this.ratio));
    }
    this.camera.resize(width, height);
    this.lay();
    this.draw();
  }

  redraw() {
    if (this.waiting || this.ratio === undefined) return;
    this.waiting = requestAnimationFrame((now) => {
      this.waiting = 0;
      this.flight?.(now);
      this.draw();
    });
  }

  draw() {
    const growth = Math.min((this.camera.scale / this.camera.whole) ** 0.3, 2.2) * this.ratio;
    const { painted: order, x, y, radii, fills: colours, quiet } = this;
    const opacities = [x.length > MANY ? 190 : 225, 26, 110];
    const all = { order, x, y, radii, colours, quiet, opacities };
    this.points.paint(this.camera, this.ratio, this.ground, all, growth);
    this.over.draw(this.ratio);
  }

  zoom(factor, x, y) {
    this.flight = null;
    this.camera.zoom(factor, x, y);
    this.redraw();
  }

  drag(x, y) {
    this.flight = null;
    this.camera.move(x, y);
    this.redraw();
  }

  flyBy(factor, x, y) {
    const { scale, middleX, middleY } = this.camera;
    this.camera.zoom(factor, x, y);
    const to = { ...this.camera };
    Object.assign(this.camera, { scale, middleX, middleY });
    this.flyTo(to);
  }

  showAll() {
    this.flyTo(this.camera.fitted());
  }

  flyTo({ scale, middleX, middleY }) {
    const to = { scale, middleX, middleY }, from = { ...this.camera };
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let start;
    this.flight = (now) => {
      start ??= now;
      const part = calm ? 1 : Math.min((now - start) / FLIGHT, 1);
      this.camera.towards(from, to, part < 1 ? part * part * (3 - 2 * part) : 1);
      if (part < 1) this.redraw();
      else this.flight = null;
    };
    this.redraw();
  }

  // The word comes to the middle, near enough to be told from others, and its card is shown.
  find(i) {
    this.choose(i);
    const scale = Math.max(this.camera.scale, Math.min(this.nearEnough(i), this.camera.whole * 40));
    // In a narrow window the card has the lower part: there the middle is that of the rest.
    const lifted = this.camera.width < NARROW ? this.card.offsetHeight / 2 / scale : 0;
    this.flyTo({ scale, middleX: this.x[i], middleY: this.y[i] - lifted });
  }

  // A scale at which the neighbours of a word fill a good part of the view, or its label has room.
  nearEnough(i) {
    const far = this.neighboursOf(i)
      .map(([other]) => Math.hypot(this.x[other] - this.x[i], this.y[other] - this.y[i]))
      .sort((a, b) => a - b);
    const half = far[Math.floor(far.length / 2)] || 1;
    return Math.min(this.camera.width, this.camera.height) / 3.5 / half;
  }

  choose(i) {
    this.chosen = i;
    this.ask();
  }

  tap(x, y, kind) {
    this.choose(this.at(x, y, kind === "touch" ? 1.8 * NEAR : NEAR));
    this.surface.focus({ preventScroll: true });
  }

  hover(x, y) {
    const i = this.at(x, y, NEAR);
    if (i === this.hovered) return;
    this.hovered = i;
    this.surface.classList.toggle("map-over-word", i >= 0);
    this.ask();
  }

  ask() {
    const i = this.hovered >= 0 ? this.hovered : this.chosen;
    if (i >= 0) fillCard(this.card, this, i, i === this.chosen);
    else this.card.hidden = true;
    this.redraw();
  }

  // The words whose neighbours are shown, and those that are marked.
  asked() {
    const i = this.hovered >= 0 ? this.hovered : this.chosen;
    return i >= 0 ? [i] : [];
  }

  marked() {
    return [...new Set([this.hovered, this.chosen])].filter((i) => i >= 0);
  }

  neighboursOf(i) {
    return Array.from({ length: this.each }, (_, k) => [
      this.neighbours[i * this.each + k], this.cosines[i * this.each + k] / 10000,
    ]);
  }

  // The word nearest to a pixel, of those within reach; −1 where there is none.
  at(x, y, reach) {
    let found = -1, least = reach * reach;
    const { camera } = this;
    for (let i = 0; i < this.x.length; i++) {
      const across = camera.screenX(this.x[i]) - x, down = camera.screenY(this.y[i]) - y;
      const far = across * across + down * down;
      if (far < least) {
        least = far;
        found = i;
      }
    }
    return found;
  }
}

// Words by layer, then by bands of the map, as the pixels of one lie together in memory: a third less
// work for 50,000. In a band the order is as it was.
function inBands(order, y, { bottom, top }, layerOf) {
  const ranks = y.map((at, i) =>
    layerOf(i) * BANDS + Math.min(Math.floor((at - bottom) / (top - bottom) * BANDS) || 0, BANDS - 1));
  return order.slice().sort((a, b) => ranks[a] - ranks[b]);
}

// From 0, the rarest, to 1: by the logarithms of counts, or of places where counts are not known.
function shares(counts, size) {
  const values = new Float32Array(size).map((_, i) =>
    Math.log(counts === null ? size / (i + 1) : Math.max(counts[i], 1)));
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return values.map((value) => (most > least ? (value - least) / (most - least) : 1));
}

// "#rrggbb" as 0xBBGGRR, the order of a canvas's bytes.
function bytes(hex) {
  const [, r, g, b] = /^#(..)(..)(..)$/.exec(hex).map((part) => parseInt(part, 16));
  return r | (g << 8) | (b << 16);
}

function mixed(low, high, part) {
  const one = (shift) =>
    Math.round(((low >> shift) & 255) * (1 - part) + ((high >> shift) & 255) * part) << shift;
  return one(0) | one(8) | one(16);
}

for (const element of document.querySelectorAll(".word-map")) {
  element.wordMap = new WordMap(element, pageData.maps[element.dataset.map]);
}
