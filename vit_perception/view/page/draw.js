// What the page draws, as numbers: no document, no network, so that it also runs in a test.
"use strict";

const Draw = {
  // The parts of a binary message: {header, picture, maps: {name: deflated bytes}}. bundle.py writes it.
  unpack(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(Draw.text(new Uint8Array(buffer, 4, length)));
    const parts = [];
    let offset = 4 + length;
    for (const size of header.parts) {
      parts.push(new Uint8Array(buffer, offset, size));
      offset += size;
    }
    const maps = {};
    Object.keys(header.maps).forEach((name, index) => { maps[name] = parts[index + 1]; });
    return { header, picture: parts[0], maps };
  },

  // JSON is written in ASCII.
  text(bytes) {
    let text = "";
    for (let start = 0; start < bytes.length; start += 4096) {
      text += String.fromCharCode.apply(null, bytes.subarray(start, start + 4096));
    }
    return text;
  },

  // (r, g, b, a) of each pixel of a map. A byte of `none` is left clear.
  paint(bytes, rule, colours, opacity) {
    const pixels = new Uint8ClampedArray(4 * bytes.length);
    const alpha = Math.round(255 * opacity);
    for (let index = 0; index < bytes.length; index += 1) {
      const value = bytes[index];
      if (value !== rule.none) {
        const colour = colours[value];
        pixels[4 * index] = colour[0];
        pixels[4 * index + 1] = colour[1];
        pixels[4 * index + 2] = colour[2];
        pixels[4 * index + 3] = alpha;
      }
    }
    return pixels;
  },

  // The value under a point of the source picture, or null: what was published, in its own units.
  valueAt(bytes, map, x, y, header) {
    const column = Math.floor(x * map.width / header.width);
    const row = Math.floor(y * map.height / header.height);
    if (column < 0 || row < 0 || column >= map.width || row >= map.height) return null;
    const value = bytes[row * map.width + column];
    return value === map.none ? null : map.low + map.step * value;
  },

  // What to stroke and to write for a list of boxes, in source pixels; those with a distance in metres have it.
  boxes(found, labels, palette, areTracks, metres) {
    const left = [...metres];
    return found.map((each) => {
      // Boxes in metres are those of detections, in their order, without some.
      const at = left.findIndex((other) => other.class === each.class && other.score === each.score);
      const distance = at < 0 ? "" : `, ${left.splice(at, 1)[0].distance.toFixed(1)} m`;
      const name = labels[each.class] || each.class;
      const number = Number(each.class) || 0;
      const key = areTracks ? Draw.hash(each.id) : number;
      return {
        rectangle: each.box,
        colour: Draw.css(palette[key % palette.length]),
        text: areTracks ? `#${each.id} ${name}` : `${name} ${Math.round(100 * each.score)} %${distance}`,
      };
    });
  },

  css(colour) {
    return `rgb(${colour[0]}, ${colour[1]}, ${colour[2]})`;
  },

  // A number for an id, the same on every page.
  hash(text) {
    let sum = 0;
    for (let index = 0; index < text.length; index += 1) sum = (31 * sum + text.charCodeAt(index)) >>> 0;
    return sum;
  },

  // "61204 of 76800 points": those whose place is known.
  points(found) {
    return found ? `${found.known} of ${found.all} points` : "";
  },

  // "forward 93 %, left 4 %", best first.
  scores(found, labels, most) {
    return [...found].sort((a, b) => b[1] - a[1]).slice(0, most)
      .map(([id, score]) => `${labels[id] || id} ${Math.round(100 * score)} %`).join(", ");
  },

  // Points of a curve in a box of width × height pixels, newest at the right; null where there is no value.
  curve(values, count, highest, width, height) {
    return values.map((value, index) => (value === null ? null : [
      width * (count - values.length + index) / Math.max(count - 1, 1),
      height * (1 - Math.min(value / Math.max(highest, 1e-9), 1)),
    ]));
  },
};
