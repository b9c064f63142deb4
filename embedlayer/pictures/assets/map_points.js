"use strict";
// Discs, painted straight into the pixels of a canvas: 50,000 of them take a few milliseconds.

const PHASES = 4; // places of a disc's centre inside a pixel, each way
const STEPS = 4; // radii per pixel

// By radius and phase, for each of three opacities.
const noDiscs = () => [0, 1, 2].map(() => new Array(1 << 13).fill(undefined));

class Points {
  constructor(canvas) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.discs = noDiscs();
  }

  resize(width, height) {
    this.context.canvas.width = width;
    this.context.canvas.height = height;
    this.discs = noDiscs(); // they hold places in the rows of pixels
    this.pixels = null;
  }

  // A border around the picture, as wide as a disc, so that no pixel of one is outside.
  prepare(border) {
    const { width, height } = this.context.canvas;
    if (this.pixels && this.border === border) return;
    this.border = border;
    this.across = width + 2 * border;
    this.image = new ImageData(this.across, height + 2 * border);
    this.pixels = new Int32Array(this.image.data.buffer);
    this.discs = noDiscs();
  }

  // The pixels of a disc around one of the phases of a pixel: for each its place, and how much it is
  // covered, of 256.
  disc(radius, phaseX, phaseY, opacity) {
    const wide = radius / STEPS, reach = Math.ceil(wide + 1), pixels = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const far = Math.hypot(x + 0.5 - (phaseX + 0.5) / PHASES, y + 0.5 - (phaseY + 0.5) / PHASES);
        const cover = Math.round(Math.min(Math.max(wide + 0.5 - far, 0), 1) * opacity);
        if (cover > 0) pixels.push(y * this.across + x, cover);
      }
    }
    return Int32Array.from(pixels);
  }

  // All points.
  //   order: the last is painted first, so that the first lie on top; x, y: in the map's units; radii:
  //   in device pixels; colours: 0xBBGGRR; quiet: of each point the number of its opacity;
  //   opacities: of 256.
  paint(camera, ratio, ground, { order, x, y, radii, colours, quiet, opacities }, growth) {
    const { width, height } = this.context.canvas;
    const scale = camera.scale * ratio;
    this.prepare(24 + Math.ceil(12 * ratio));
    const { pixels, across, border, discs } = this;
    pixels.fill(ground | 0xff000000);
    const startX = width / 2 - camera.middleX * scale, startY = height / 2 + camera.middleY * scale;
    const most = (border - 14) * STEPS;
    for (let k = order.length - 1; k >= 0; k--) {
      const i = order[k];
      const left = startX + x[i] * scale, top = startY - y[i] * scale;
      if (!(left > -12 && top > -12 && left < width + 12 && top < height + 12)) continue;
      const pixelX = Math.floor(left), pixelY = Math.floor(top);
      const phaseX = Math.floor((left - pixelX) * PHASES), phaseY = Math.floor((top - pixelY) * PHASES);
      const radius = Math.min(Math.round(radii[i] * growth * STEPS), most);
      const key = (radius * PHASES + phaseX) * PHASES + phaseY, known = discs[quiet[i]];
      const disc = (known[key] ??= this.disc(radius, phaseX, phaseY, opacities[quiet[i]]));
      blend(pixels, (pixelY + border) * across + pixelX + border, disc, colours[i]);
    }
    this.context.putImageData(this.image, -border, -border);
  }
}

// One colour laid over some pixels; two of its three bytes are mixed in one multiplication.
function blend(pixels, start, disc, colour) {
  const redBlue = colour & 0xff00ff, green = colour & 0x00ff00, size = disc.length;
  for (let k = 0; k < size; k += 2) {
    const at = start + disc[k], cover = disc[k + 1], old = pixels[at];
    const oldRedBlue = old & 0xff00ff, oldGreen = old & 0x00ff00;
    const mixedRedBlue = oldRedBlue + (Math.imul(redBlue - oldRedBlue, cover) >> 8);
    const mixedGreen = oldGreen + (Math.imul(green - oldGreen, cover) >> 8);
    pixels[at] = 0xff000000 | (mixedRedBlue & 0xff00ff) | (mixedGreen & 0x00ff00);
  }
}
