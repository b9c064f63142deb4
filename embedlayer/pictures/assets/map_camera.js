"use strict";
// Where the reader looks: the middle of the view in the map's own units, and pixels per unit.

const NEAREST = 4000, FARTHEST = 0.7; // times as near as the whole map
const NARROW = 640; // pixels; map.css says so too

class Camera {
  constructor(x, y) {
    this.left = this.bottom = Infinity;
    this.right = this.top = -Infinity;
    for (let i = 0; i < x.length; i++) {
      this.left = Math.min(this.left, x[i]);
      this.right = Math.max(this.right, x[i]);
      this.bottom = Math.min(this.bottom, y[i]);
      this.top = Math.max(this.top, y[i]);
    }
    this.width = this.height = 0;
  }

  // A view of so many pixels; it shows what it showed, larger or smaller.
  resize(width, height) {
    const before = this.whole;
    this.width = width;
    this.height = height;
    const narrow = width < NARROW;
    // Room for the search box above, the legend below and labels on the right.
    this.margin = narrow ? [96, 64, 76, 30] : [72, 110, 64, 90];
    const [top, right, bottom, left] = this.margin;
    this.room = left - 4;
    const across = (width - left - right) / (this.right - this.left);
    const down = (height - top - bottom) / (this.top - this.bottom);
    const whole = Math.min(across, down);
    this.whole = Number.isFinite(whole) && whole > 0 ? whole : 100; // words in one place: any scale
    if (before === undefined) this.fit();
    else this.scale *= this.whole / before;
  }

  fit() {
    Object.assign(this, this.fitted());
  }

  // The view of the whole map.
  fitted() {
    const [top, right, bottom, left] = this.margin;
    return {
      scale: this.whole,
      middleX: (this.left + this.right) / 2 + (right - left) / 2 / this.whole,
      middleY: (this.bottom + this.top) / 2 + (top - bottom) / 2 / this.whole,
    };
  }

  screenX(x) { return this.width / 2 + (x - this.middleX) * this.scale; }
  screenY(y) { return this.height / 2 - (y - this.middleY) * this.scale; }

  move(pixelsX, pixelsY) {
    this.middleX -= pixelsX / this.scale;
    this.middleY += pixelsY / this.scale;
  }

  // Nearer by a factor; what lies under the pixel stays there.
  zoom(factor, pixelX = this.width / 2, pixelY = this.height / 2) {
    const x = this.middleX + (pixelX - this.width / 2) / this.scale;
    const y = this.middleY - (pixelY - this.height / 2) / this.scale;
    this.scale = this.bounded(this.scale * factor);
    this.middleX = x - (pixelX - this.width / 2) / this.scale;
    this.middleY = y + (pixelY - this.height / 2) / this.scale;
  }

  bounded(scale) {
    return Math.min(Math.max(scale, this.whole * FARTHEST), this.whole * NEAREST);
  }

  // Part of the way to another view; 1 is all of it. Scales multiply, so they go by their logarithm.
  towards(from, to, part) {
    this.scale = from.scale * (to.scale / from.scale) ** part;
    // The middle moves so that both ends stay in line on the screen.
    const gone = from.scale === to.scale
      ? part
      : (1 / from.scale - 1 / this.scale) / (1 / from.scale - 1 / to.scale);
    this.middleX = from.middleX + (to.middleX - from.middleX) * gone;
    this.middleY = from.middleY + (to.middleY - from.middleY) * gone;
  }
}
