// The page: what the server says is shown, and what it looks at is said to the server.
"use strict";

const Page = {
  hello: null,
  status: { cameras: {}, nodes: {} },
  watched: new Set(), // cameras
  // Layers that are off: with what is in metres on, nodes without depth would warn.
  hidden: new Set(["depth", "depth/relative", "depth_image", "attention/heatmap", "detections_3d", "segmentation/points"]),
  opacity: { "segmentation/mask": 0.5, "attention/heatmap": 0.6, depth: 0.7, "depth/relative": 0.7, depth_image: 0.7 },
  scenes: {}, // camera → what is on its canvas
  known: new Set(),
  socket: null,

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      if (typeof event.data === "string") Page.take(JSON.parse(event.data));
      else Page.draw(event.data);
    };
    socket.onopen = () => { Page.connection("connected", "OK"); Page.look(); };
    socket.onclose = () => { Page.connection("not connected", "ERROR"); setTimeout(Page.connect, 1000); };
    Page.socket = socket;
  },

  say(request) {
    if (Page.socket.readyState === WebSocket.OPEN) Page.socket.send(JSON.stringify(request));
  },

  connection(text, level) {
    const shown = document.getElementById("connection");
    shown.textContent = text;
    shown.className = level;
  },

  // Say what is looked at: nothing while the page is in the background.
  look() {
    const layers = {};
    if (!document.hidden) {
      for (const [camera, about] of Object.entries(Page.status.cameras)) {
        if (Page.watched.has(camera)) layers[camera] = about.layers.filter((layer) => !Page.hidden.has(layer));
      }
    }
    Page.say({ kind: "watch", layers });
  },

  take(message) {
    if (message.kind === "hello") {
      Page.hello = message;
      document.getElementById("record").hidden = !message.control;
      document.getElementById("reading").hidden = message.control;
    } else if (message.kind === "controls") {
      Controls.show(message.node, message.controls, Page.hello.control,
        (node, name, value) => Page.say({ kind: "set", node, name, value }));
    } else if (message.kind === "answer") {
      document.getElementById("answer").textContent = message.text;
    } else if (message.kind === "status") {
      Page.report(message);
    }
  },

  report(status) {
    const before = JSON.stringify(Object.entries(Page.status.cameras).map(([name, { layers }]) => [name, layers]));
    Page.status = status;
    const now = JSON.stringify(Object.entries(status.cameras).map(([name, { layers }]) => [name, layers]));
    if (before !== now) {
      for (const camera of Object.keys(status.cameras)) {
        if (!Page.known.has(camera)) Page.watched.add(camera);
        Page.known.add(camera);
      }
      Page.offer();
      Page.look();
    }
    for (const [camera, about] of Object.entries(status.cameras)) Page.curvesOfCamera(camera, about);
    Page.nodes(status.nodes);
    document.getElementById("record").textContent = status.recording
      ? `Stop recording (${status.recording.messages})` : "Record a bag";
    if (status.recording && status.recording.problem) {
      document.getElementById("answer").textContent = status.recording.problem;
    }
  },

  // Boxes to tick for cameras and layers.
  offer() {
    const cameras = Object.keys(Page.status.cameras);
    const layers = [...new Set(Object.values(Page.status.cameras).flatMap((camera) => camera.layers))];
    document.getElementById("choice").replaceChildren(...cameras.map((camera) => {
      const box = Controls.input("checkbox", { checked: Page.watched.has(camera) });
      box.onchange = () => {
        if (box.checked) Page.watched.add(camera);
        else { Page.watched.delete(camera); document.getElementById(`camera ${camera}`)?.remove(); }
        Page.look();
      };
      const row = Controls.row(camera || "/");
      row.prepend(box);
      return row;
    }));
    document.getElementById("layers").replaceChildren(...layers.map((layer) => {
      const box = Controls.input("checkbox", { checked: !Page.hidden.has(layer) });
      box.dataset.layer = layer;
      box.onchange = () => {
        if (box.checked) Page.hidden.delete(layer);
        else Page.hidden.add(layer);
        Page.look();
      };
      const row = Controls.row(layer);
      row.prepend(box);
      if (layer in Page.opacity) {
        const slider = Controls.input("range", { min: 0, max: 1, step: 0.05, value: Page.opacity[layer] });
        slider.dataset.opacity = layer;
        slider.title = "opacity";
        slider.oninput = () => {
          Page.opacity[layer] = Number(slider.value);
          Object.values(Page.scenes).forEach(Page.paint);
        };
        row.append(slider);
      }
      return row;
    }));
  },

  async draw(buffer) {
    const { header, picture, maps } = Draw.unpack(buffer);
    try {
      const jpeg = new Blob([picture], { type: "image/jpeg" });
      const scene = { header, maps: {}, picture: await createImageBitmap(jpeg) };
      for (const [name, deflated] of Object.entries(maps)) scene.maps[name] = await Page.inflate(deflated);
      Page.scenes[header.camera]?.picture.close();
      Page.scenes[header.camera] = scene;
      if (Page.watched.has(header.camera)) Page.paint(scene);
    } finally {
      Page.say({ kind: "drawn", camera: header.camera }); // the next one may come
    }
  },

  async inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  },

  // Draw a scene onto the canvas of its camera, in source pixels.
  paint(scene) {
    const { header } = scene;
    const about = Page.status.cameras[header.camera];
    if (!about) return;
    const figure = Page.figure(header.camera);
    const canvas = figure.querySelector("canvas");
    if (canvas.width !== header.width || canvas.height !== header.height) {
      canvas.width = header.width;
      canvas.height = header.height;
    }
    const context = canvas.getContext("2d");
    context.drawImage(scene.picture, 0, 0, header.width, header.height);
    for (const [name, bytes] of Object.entries(scene.maps)) {
      if (!Page.hidden.has(name)) Page.paintMap(context, name, bytes, header);
    }
    const unit = Math.max(1, header.width / 640);
    for (const layer of Page.hello.layers.boxes) {
      if (layer in header.boxes && !Page.hidden.has(layer)) {
        const labels = about.labels[layer] || {};
        const metres = Page.hidden.has("detections_3d") ? [] : header.metres;
        for (const box of Draw.boxes(header.boxes[layer], labels, Page.hello.palette, layer === "tracks", metres)) {
          Page.paintBox(context, box, unit, layer === "tracks");
        }
      }
    }
    figure.querySelector(".scores").textContent = Object.entries(header.scores)
      .filter(([layer]) => !Page.hidden.has(layer))
      .map(([layer, found]) => Draw.scores(found, about.labels[layer] || {}, 2))
      .concat(Draw.points(header.points)).filter(Boolean).join(" · ");
    figure.dataset.stamp = header.stamp;
  },

  paintMap(context, name, bytes, header) {
    const map = header.maps[name];
    const colours = name === "segmentation/mask" ? Page.hello.palette : Page.hello.shades;
    const pixels = Draw.paint(bytes, map, colours, Page.opacity[name]);
    const layer = new OffscreenCanvas(map.width, map.height);
    layer.getContext("2d").putImageData(new ImageData(pixels, map.width, map.height), 0, 0);
    context.imageSmoothingEnabled = name !== "segmentation/mask"; // class ids have no middle
    context.drawImage(layer, 0, 0, header.width, header.height);
    context.imageSmoothingEnabled = true;
  },

  paintBox(context, box, unit, below) {
    const [left, top, width, height] = box.rectangle;
    context.strokeStyle = box.colour;
    context.lineWidth = 2.5 * unit;
    context.setLineDash(below ? [6 * unit, 4 * unit] : []);
    context.strokeRect(left, top, width, height);
    context.setLineDash([]);
    context.font = `600 ${13 * unit}px system-ui, sans-serif`;
    const line = 18 * unit;
    const y = below ? top + height : Math.max(0, top - line);
    context.fillStyle = box.colour;
    context.fillRect(left, y, context.measureText(box.text).width + 8 * unit, line);
    context.fillStyle = "#181a1e";
    context.fillText(box.text, left + 4 * unit, y + 13.5 * unit);
  },

  figure(camera) {
    const id = `camera ${camera}`;
    let figure = document.getElementById(id);
    if (!figure) {
      figure = document.createElement("figure");
      figure.id = id;
      figure.innerHTML = "<canvas></canvas><figcaption><b></b><span class=scores></span><span class=value></span>"
        + "<button>Save picture</button></figcaption><div></div>";
      figure.querySelector("b").textContent = camera || "/";
      figure.querySelector("button").onclick = () => Page.save(camera);
      const canvas = figure.querySelector("canvas");
      canvas.onmousemove = (event) => Page.point(camera, figure, event.offsetX / canvas.clientWidth,
        event.offsetY / canvas.clientHeight);
      const after = [...document.getElementById("cameras").children].find((other) => other.id > id);
      document.getElementById("cameras").insertBefore(figure, after || null);
    }
    return figure;
  },

  // What was published for the pixel under the pointer.
  point(camera, figure, x, y) {
    const { header, maps } = Page.scenes[camera];
    const texts = Object.entries(maps).map(([name, bytes]) => {
      const value = Draw.valueAt(bytes, header.maps[name], x * header.width, y * header.height, header);
      if (value === null) return "";
      return name === "segmentation/mask" ? Page.status.cameras[camera].labels[name]?.[value] || value
        : `${value.toFixed(2)}${["depth", "depth_image"].includes(name) ? " m" : ""}`;
    });
    figure.querySelector(".value").textContent = texts.filter((text) => text !== "").join(" · ");
  },

  // What is on the canvas, as a file of this computer.
  save(camera) {
    document.getElementById(`camera ${camera}`).querySelector("canvas").toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${camera.replaceAll("/", "_") || "camera"}_${Page.scenes[camera].header.stamp}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  },

  curvesOfCamera(camera, about) {
    const figure = document.getElementById(`camera ${camera}`);
    const lines = about.layers.map((name, index) => {
      const topic = about.topics[name];
      Curves.add(`${camera}/${name}`, topic ? topic.age_ms : null);
      return [name, `${camera}/${name}`, Draw.css(Page.hello.palette[index]), "ms"];
    }).filter(([, name]) => Curves.history[name].some((age) => age !== null));
    if (figure && lines.length) Curves.draw(figure.lastElementChild, lines);
    if (about.problem) document.getElementById("answer").textContent = about.problem;
  },

  nodes(nodes) {
    const shown = document.getElementById("nodes");
    for (const [name, node] of Object.entries(nodes)) {
      const values = node.values;
      let holder = document.getElementById(`node ${name}`);
      if (!holder) {
        holder = document.createElement("div");
        holder.id = `node ${name}`;
        holder.innerHTML = "<b></b> <span></span><div></div><div></div>";
        holder.querySelector("b").textContent = name;
        shown.append(holder);
      }
      const message = holder.querySelector("span");
      message.className = node.level;
      message.textContent = `${node.level} ${node.message}`;
      Curves.add(`${name} in`, Number(values.input_hz));
      Curves.add(`${name} out`, Number(values.output_hz));
      const gone = Number(values.frames_dropped) + Number(values.frames_lost);
      Curves.add(`${name} drops`, Curves.rise(name, gone));
      const [rates, drops] = holder.querySelectorAll(":scope > div");
      Curves.draw(rates, [["in", `${name} in`, "#8e95a6", "Hz"], ["out", `${name} out`, "#5ed68a", "Hz"]]);
      Curves.draw(drops, [["dropped and lost", `${name} drops`, "#f76868", "in the last second"]]);
    }
    for (const holder of [...shown.children]) {
      if (!(holder.id.slice("node ".length) in nodes)) holder.remove();
    }
  },
};

document.addEventListener("visibilitychange", Page.look);
document.getElementById("record").onclick = () => Page.say({ kind: "record", on: !Page.status.recording });
Page.connect();
