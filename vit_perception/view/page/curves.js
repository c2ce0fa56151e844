// Rates, ages and drops of the last two minutes.
"use strict";

const Curves = {
  COUNT: 120,
  history: {}, // name → values, one a second

  add(name, value) {
    const values = Curves.history[name] || (Curves.history[name] = []);
    values.push(value);
    if (values.length > Curves.COUNT) values.shift();
    return values;
  },

  // What became of a counter since its last value; null before the second one. A new process counts from 0.
  rise(name, total) {
    const before = Curves.totals[name];
    Curves.totals[name] = total;
    return before === undefined || total < before ? null : total - before;
  },
  totals: {},

  // A canvas with lines, and a caption with their last values. lines: [[caption, name, colour, unit]].
  draw(holder, lines) {
    let canvas = holder.querySelector("canvas");
    if (!canvas) {
      holder.className = "curve";
      holder.innerHTML = "<canvas width=600 height=90></canvas><small></small>";
      canvas = holder.querySelector("canvas");
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const all = lines.flatMap(([, name]) => Curves.history[name] || []).filter((value) => value !== null);
    const highest = Math.max(1, ...all);
    for (const [, name, colour] of lines) {
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.beginPath();
      let open = false;
      const values = Curves.history[name] || [];
      for (const point of Draw.curve(values, Curves.COUNT, highest, canvas.width, canvas.height - 4)) {
        if (point && open) context.lineTo(point[0], point[1] + 2);
        else if (point) context.moveTo(point[0], point[1] + 2);
        open = Boolean(point);
      }
      context.stroke();
    }
    holder.querySelector("small").replaceChildren(...lines.map(([caption, name, colour, unit]) => {
      const values = Curves.history[name] || [];
      const last = values[values.length - 1];
      const text = document.createElement("span");
      text.style.color = colour;
      text.textContent = `${caption} ${last == null ? "–" : last.toFixed(1)} ${unit}  `;
      return text;
    }));
  },
};
