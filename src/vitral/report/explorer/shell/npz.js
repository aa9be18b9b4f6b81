// NumPy's own file of arrays, written by hand: a zip without compression, one .npy for each array.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const KINDS = new Map([
    [Float32Array, "<f4"], [Float64Array, "<f8"], [Int32Array, "<i4"], [Int16Array, "<i2"], [Uint8Array, "|u1"],
    [Int8Array, "|i1"],
  ]);
  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });

  function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  }

  /** One array as an .npy file: the magic, a header padded to 64 bytes, the numbers in C order. */
  function npy(array) {
    const shape = array.shape.length === 1 ? array.shape[0] + "," : array.shape.join(", ");
    const kind = KINDS.get(array.data.constructor);
    let header = "{'descr': '" + kind + "', 'fortran_order': False, 'shape': (" + shape + "), }";
    header = header.padEnd(header.length + 63 - ((10 + header.length) % 64)) + "\n";
    const head = new TextEncoder().encode("\u0000NUMPY\u0001\u0000\u0000\u0000" + header);
    head[0] = 0x93;
    head[8] = header.length & 255;
    head[9] = header.length >> 8;
    const numbers = new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
    return joined([head, numbers]);
  }

  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  function numbers(...fields) {
    const bytes = [];
    for (const [value, size] of fields) for (let i = 0; i < size; i++) bytes.push((value / 2 ** (8 * i)) & 255);
    return Uint8Array.from(bytes);
  }

  /** The fields that a file's two headers in a zip share: version, flags, no compression, 1 January 1980, sizes. */
  function common(file) {
    return [
      [20, 2], [0x800, 2], [0, 2], [0, 2], [33, 2], [crc32(file.bytes), 4], [file.bytes.length, 4],
      [file.bytes.length, 4], [file.name.length, 2], [0, 2],
    ];
  }

  /** Arrays {name: {data, shape}} as the bytes of an .npz, which `numpy.load` reads. */
  function npz(arrays) {
    const parts = [];
    const directory = [];
    let offset = 0;
    for (const [name, array] of Object.entries(arrays)) {
      const file = { name: new TextEncoder().encode(name + ".npy"), bytes: npy(array) };
      const local = joined([numbers([0x04034b50, 4], ...common(file)), file.name, file.bytes]);
      const entry = numbers([0x02014b50, 4], [20, 2], ...common(file), [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
      directory.push(joined([entry, file.name]));
      parts.push(local);
      offset += local.length;
    }
    const listing = joined(directory);
    const count = directory.length;
    const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [listing.length, 4], [offset, 4], [0, 2]);
    return joined([...parts, listing, end]);
  }

  Object.assign(shell, { npz, npy });
})((globalThis.Vitral = globalThis.Vitral || {}));
