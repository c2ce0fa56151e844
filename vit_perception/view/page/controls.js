// Parameters of the nodes: what they are, and, where the page may, inputs that set them.
"use strict";

const Controls = {
  // Show the controls of a node. set(node, name, value) asks for a change.
  show(node, controls, allowed, set) {
    const id = `controls of ${node}`;
    const holder = document.getElementById(id) || document.createElement("div");
    if (holder.contains(document.activeElement) && document.activeElement.type === "text") return; // being typed
    holder.id = id;
    holder.replaceChildren(Object.assign(document.createElement("small"), { textContent: node }));
    for (const control of controls) {
      const row = Controls[control.kind](control, (value) => set(node, control.name, value));
      row.title = control.description;
      row.dataset.parameter = control.name;
      for (const input of row.querySelectorAll("input")) input.disabled = !allowed;
      holder.append(row);
    }
    document.getElementById("controls").append(holder);
  },

  number(control, set) {
    const row = Controls.row(control.name);
    const slider = Controls.input("range", { min: 0, max: 1, step: 0.01, value: control.value });
    const shown = document.createElement("output");
    shown.textContent = control.value.toFixed(2);
    slider.oninput = () => { shown.textContent = Number(slider.value).toFixed(2); };
    slider.onchange = () => set(Number(slider.value));
    row.append(slider, shown);
    return row;
  },

  texts(control, set) {
    const row = Controls.row(control.name);
    const text = Controls.input("text", { value: control.value.join(", "), placeholder: "forklift, pallet" });
    text.onchange = () => set(text.value.split(",").map((each) => each.trim()).filter(Boolean));
    row.append(text);
    return row;
  },

  choices(control, set) {
    const row = document.createElement("div");
    const boxes = control.choices.map((choice) => {
      const box = Controls.input("checkbox", { checked: control.value.includes(choice), value: choice });
      const label = Controls.row(choice);
      label.prepend(box);
      row.append(label);
      box.onchange = () => set(boxes.filter((each) => each.checked).map((each) => each.value));
      return box;
    });
    return row;
  },

  row(text) {
    return Object.assign(document.createElement("label"), { textContent: `${text} ` });
  },

  input(type, properties) {
    const input = document.createElement("input");
    input.type = type; // before its value, which a range would round
    return Object.assign(input, properties);
  },
};
