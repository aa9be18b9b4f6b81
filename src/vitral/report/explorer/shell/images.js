// Images on canvases: grey between 0 and 1, or signed in red and blue; crisp pixels, told to those who do not see.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** The pixels of values as RGBA: grey is clipped to [0, 1], as everywhere in Vitral (vmin 0, vmax 1). */
  function greyPixels(values, pixels) {
    for (let i = 0, at = 0; i < values.length; i++, at += 4) {
      const level = Math.round(255 * Math.min(1, Math.max(0, values[i])));
      pixels[at] = pixels[at + 1] = pixels[at + 2] = level;
      pixels[at + 3] = 255;
    }
  }

  /** Red for what is above zero, blue for what is below, white for zero; `limit` is full colour. */
  function signedPixels(values, pixels, limit) {
    for (let i = 0, at = 0; i < values.length; i++, at += 4) {
      const share = Math.min(1, Math.abs(values[i]) / limit);
      const other = Math.round(255 * (1 - share));
      const full = Math.round(255 - 75 * share);
      pixels[at] = values[i] > 0 ? full : other;
      pixels[at + 1] = other;
      pixels[at + 2] = values[i] > 0 ? other : full;
      pixels[at + 3] = 255;
    }
  }

  function greatest(values) {
    let most = 0;
    for (const value of values) most = Math.max(most, Math.abs(value));
    return most || 1;
  }

  /** Draw values of a shape [height, width] on a canvas. `options.signed`: red and blue, up to `options.limit`. */
  function paint(canvas, values, shape, options) {
    const [height, width] = shape;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    if (options && options.signed) signedPixels(values, image.data, options.limit || greatest(values));
    else greyPixels(values, image.data);
    context.putImageData(image, 0, 0);
    canvas.values = values;
    return canvas;
  }

  /**
   * A canvas for an image with a name for those who do not see it: picture({t: "w03.decoded", values}, "large").
   * Sizes: small (2rem), middle (5.5rem), large (11rem), wide (as wide as its place).
   */
  function picture(label, size) {
    return shell.h("canvas", { class: "image " + (size || "middle"), width: 28, height: 28, role: "img", "aria-label": label });
  }

  /** The value under a pointer event on a painted canvas: {row, column, index, value}, or null outside. */
  function pixelAt(canvas, event, shape) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * shape[1]);
    const line = Math.floor(((event.clientY - box.top) / box.height) * shape[0]);
    if (column < 0 || line < 0 || column >= shape[1] || line >= shape[0]) return null;
    const index = line * shape[1] + column;
    return { row: line, column, index, value: canvas.values ? canvas.values[index] : NaN };
  }

  /** Several images side by side in one canvas: `images` a list of arrays, `across` of them in a row. */
  function tiled(canvas, images, shape, across, gap) {
    const space = gap === undefined ? 1 : gap;
    const [height, width] = shape;
    const down = Math.ceil(images.length / across);
    canvas.width = across * width + (across - 1) * space;
    canvas.height = down * height + (down - 1) * space;
    const context = canvas.getContext("2d");
    images.forEach((values, i) => {
      const tile = context.createImageData(width, height);
      greyPixels(values, tile.data);
      context.putImageData(tile, (i % across) * (width + space), Math.floor(i / across) * (height + space));
    });
    return canvas;
  }

  /** Let people read the pixels of a picture by hover, tap and arrow keys: `told(pixel)` is called with each. */
  function readable(canvas, shape, told) {
    let at = 0;
    canvas.tabIndex = 0;
    const tell = (pixel) => {
      if (!pixel) return;
      at = pixel.index;
      told(pixel);
    };
    for (const kind of ["pointermove", "pointerdown"]) {
      canvas.addEventListener(kind, (event) => tell(pixelAt(canvas, event, shape)));
    }
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -shape[1], ArrowDown: shape[1] };
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in moves)) return;
      event.preventDefault();
      const index = Math.min(shape[0] * shape[1] - 1, Math.max(0, at + moves[event.key]));
      tell({ index, row: Math.floor(index / shape[1]), column: index % shape[1], value: canvas.values ? canvas.values[index] : NaN });
    });
  }

  Object.assign(shell, { paint, picture, pixelAt, tiled, readable });
})((globalThis.Vitral = globalThis.Vitral || {}));
