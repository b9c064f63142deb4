"use strict";
// Which words have room for a label at which scale. Scales are levels, each a quarter larger than the
// last. A label that has room at a level keeps it at all larger ones, as words only move apart: so
// labels come, and none goes, as the reader looks nearer, and none depends on what else is in view.

const LEVEL = 1.25, NOT_YET = 255;
const BIN_X = 160, BIN_Y = 40, BINS = 1 << 16; // pixels of a bin, and how many there are
const AROUND_X = 18, AROUND_Y = 7; // pixels kept free
const LINE = 1.25; // the height of a label, in sizes of its letters
const COMMON = 3000, COMMON_SCALE = 300; // words that may have labels at a scale; more at larger ones

class Labels {
  // least: the smallest scale; left, room: no label begins farther left of this place than so many
  // pixels; order: the words, the most important first; widths, sizes: of labels,
  // in pixels; gaps: between a word's place and its label.
  constructor(least, { left, room }, { x, y, order, widths, sizes, gaps }) {
    Object.assign(this, { least, left, room, x, y, order, widths, sizes, gaps });
    this.since = new Uint8Array(x.length).fill(NOT_YET);
    this.right = Float32Array.from(gaps); // from a word's place to the left end of its label
    this.up = new Float32Array(x.length); // and to the middle of its height
    this.done = -1;
    this.heads = new Int32Array(BINS);
    this.next = new Int32Array(x.length);
    this.widest = widths.reduce((most, one) => Math.max(most, one), 0) + AROUND_X;
  }

  levelOf(scale) {
    const level = Math.floor(Math.log(scale / this.least) / Math.log(LEVEL) + 1e-6);
    return Math.min(Math.max(level, 0), NOT_YET - 1);
  }

  // After this ``since`` holds, for each word, the level from which on it has a label. True where
  // something was left to do.
  prepare(level) {
    const work = this.done < level;
    while (this.done < level) this.place(this.done + 1);
    return work;
  }

  place(level) {
    const scale = this.least * LEVEL ** level;
    const common = COMMON * (scale / COMMON_SCALE) ** 2;
    this.heads.fill(-1);
    for (const i of this.order) {
      if (this.since[i] !== NOT_YET) this.hold(i, scale);
    }
    for (const i of this.order.subarray(0, common)) {
      if (this.since[i] === NOT_YET && this.finds(i, scale)) {
        this.since[i] = level;
        this.hold(i, scale);
      }
    }
    this.done = level;
  }

  // Whether a label has room: on the right of its word, else on the left, below or above.
  finds(i, scale) {
    const width = this.widths[i], gap = this.gaps[i], above = this.sizes[i] * 0.6 + gap;
    const sides = [[gap, 0], [-gap - width, 0], [-width / 2, -above], [-width / 2, above]];
    const edge = (this.left - this.x[i]) * scale - this.room;
    return sides.some(([right, up]) => {
      if (right < edge) return false;
      this.right[i] = right;
      this.up[i] = up;
      return this.free(i, scale);
    });
  }

  hold(i, scale) {
    const bin = binOf(
      Math.floor((this.x[i] * scale + this.right[i]) / BIN_X),
      Math.floor((this.y[i] * scale + this.up[i]) / BIN_Y),
    );
    this.next[i] = this.heads[bin];
    this.heads[bin] = i;
  }

  free(i, scale) {
    const left = this.x[i] * scale + this.right[i], right = left + this.widths[i] + AROUND_X;
    const row = Math.floor((this.y[i] * scale + this.up[i]) / BIN_Y);
    const first = Math.floor((left - this.widest - AROUND_X) / BIN_X);
    const last = Math.floor((right + AROUND_X) / BIN_X);
    for (let v = row - 1; v <= row + 1; v++) {
      for (let u = first; u <= last; u++) {
        for (let other = this.heads[binOf(u, v)]; other >= 0; other = this.next[other]) {
          if (!this.apart(i, other, scale)) return false;
        }
      }
    }
    return true;
  }

  // Whether two labels lie apart, now and at all larger scales: the one of the two that lies farther to
  // the left (or above) belongs to the word that does so, too.
  apart(i, other, scale) {
    const { x, y, right, up, widths, sizes } = this;
    const across = x[other] - x[i], down = y[other] - y[i];
    const shift = across * scale + right[other] - right[i];
    if (across >= 0 && shift >= widths[i] + AROUND_X) return true;
    if (across <= 0 && -shift >= widths[other] + AROUND_X) return true;
    const height = ((sizes[i] + sizes[other]) / 2) * LINE + AROUND_Y;
    const drop = down * scale + up[other] - up[i];
    return (down >= 0 && drop >= height) || (down <= 0 && -drop >= height);
  }
}

function binOf(u, v) {
  return (Math.imul(u, 73856093) ^ Math.imul(v, 19349663)) & (BINS - 1);
}

// The width of a text, in sizes of its letters, as the sum of theirs: no text is laid out for it.
class Widths {
  constructor(context) {
    this.context = context;
    this.known = new Map();
  }

  of(text) {
    let sum = 0;
    for (const letter of text) {
      let width = this.known.get(letter);
      if (width === undefined) {
        width = this.context.measureText(letter).width / 100;
        this.known.set(letter, width);
      }
      sum += width;
    }
    return sum;
  }
}
