// From the JSON of the page to typed arrays and models (the formats: vitral/report/explorer/packing.py).
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const KINDS = { f4: Float32Array, f2: Uint16Array, u1: Uint8Array, q8: Int8Array, i2: Int16Array, i4: Int32Array };

  function bytesOf(text) {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  async function inflated(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  /** A 16-bit float as a number: sign, five bits of exponent, ten of fraction. */
  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  /** Every integer is stored as its difference to the one `delta` places before; sums wrap as the integers do. */
  function summed(stored, delta) {
    for (let i = delta; i < stored.length; i++) stored[i] += stored[i - delta];
    return stored;
  }

  function columns(given, width) {
    if (typeof given !== "string") return new Float64Array(width).fill(given || 0);
    return Float64Array.from(new Float32Array(bytesOf(given).buffer));
  }

  function scaled(stored, entry) {
    const width = typeof entry.scale === "string" || typeof entry.offset === "string" ? entry.shape.at(-1) : 1;
    const scale = columns(entry.scale, width);
    const offset = columns(entry.offset, width);
    const data = new Float32Array(stored.length);
    for (let i = 0; i < data.length; i++) {
      const column = width === 1 ? 0 : i % width;
      data[i] = offset[column] + scale[column] * stored[i];
    }
    return data;
  }

  /** One entry of `arrays` as {data: typed array, shape}. */
  async function unpacked(entry) {
    const kind = KINDS[entry.dtype];
    if (!kind) throw new Error("unknown dtype " + entry.dtype);
    let stored = new kind(await inflated(bytesOf(entry.bytes)));
    if (entry.dtype === "f2") stored = Float32Array.from(stored, half);
    if (entry.delta) stored = summed(stored, entry.delta);
    const data = entry.scale === undefined ? stored : scaled(stored, entry);
    return { data, shape: entry.shape };
  }

  /** Row i of a two-dimensional array, as a view. */
  function row(array, i) {
    const width = array.shape.slice(1).reduce((a, b) => a * b, 1);
    return array.data.subarray(i * width, (i + 1) * width);
  }

  /** The content of the page with its arrays unpacked: what every widget is given as `page`. */
  class Page {
    constructor(content, arrays) {
      Object.assign(this, {
        content, data: content.data, strip: content.strip || {}, models: content.models, metrics: content.metrics || {},
        golden: content.golden || null, main: content.main, arrays, built: new Map(),
      });
    }

    /** {data, shape} of a named array, or null where the page does not hold it. */
    array(name) {
      return this.arrays.get(name) || null;
    }

    /** The description of a model by name; of the main one without a name. */
    description(name) {
      return this.models.find((one) => one.name === (name || this.main)) || null;
    }

    /** Whether the decoder of a model is here, to be computed with; `encoder` asks for its encoder as well. */
    computes(name, encoder) {
      const description = this.description(name);
      return Boolean(description && description.decoder && (!encoder || description.encoder));
    }

    /** The model itself, a V.engine.Model, built once; null where the page holds only recordings of it. */
    model(name) {
      const which = name || this.main;
      if (!this.computes(which)) return null;
      if (!this.built.has(which)) {
        this.built.set(which, new V.engine.Model(this.description(which), (key) => this.array(key)));
      }
      return this.built.get(which);
    }

    /** How many fixed images the page holds. */
    get count() {
      const images = this.array("images");
      return images ? images.shape[0] : 0;
    }

    /** Fixed image i as numbers in the unit of the data, (features,). */
    image(i) {
      const images = this.array("images");
      const levels = row(images, i);
      return levels instanceof Float32Array ? levels : Float32Array.from(levels, (level) => level / 255);
    }

    /** Its class, or null. */
    label(i) {
      const labels = this.array("images_labels");
      return labels ? labels.data[i] : null;
    }

    /** What a worker needs to build the same model: its description and the arrays that it names. */
    plain(name) {
      const description = this.description(name);
      const used = [...this.arrays].filter(([key]) => key.startsWith(description.name + "/"));
      return { description, arrays: Object.fromEntries(used) };
    }
  }

  /** Read the JSON element of the page; arrays that cannot be read are an error that names them. */
  async function load(element) {
    const content = JSON.parse(element.textContent);
    const names = Object.keys(content.arrays || {});
    const read = await Promise.all(names.map((name) => unpacked(content.arrays[name])));
    for (const name of names) delete content.arrays[name].bytes;
    return new Page(content, new Map(names.map((name, i) => [name, read[i]])));
  }

  Object.assign(shell, { load, unpacked, row, Page });
})((globalThis.Vitral = globalThis.Vitral || {}));
