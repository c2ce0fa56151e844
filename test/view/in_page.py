"""What tests read of the page in a browser, as JavaScript."""

FIGURE = 'document.getElementById("camera /view/front")'
ALL_MAPS = 'Object.keys(Page.scenes["/view/front"].maps).length'
# What stands at the boxes, with their distances.
WRITTEN = """Draw.boxes(Page.scenes["/view/front"].header.boxes.detections, {}, Page.hello.palette, false,
  Page.scenes["/view/front"].header.metres).map((each) => each.text).join()"""
THRESHOLD = """document.querySelector("[data-parameter='detection.threshold'] input")"""
# What is on the canvas of one scene: with its boxes, and below them with and without the mask.
BROWSER_SCENE = """(() => {
  const scene = Page.scenes["/view/front"], { header } = scene;
  const canvas = document.getElementById("camera /view/front").querySelector("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const read = () => [...context.getImageData(0, 0, canvas.width, canvas.height).data];
  Page.hidden.add("tracks");  // they lie on the boxes
  Page.paint(scene);
  const boxes = header.boxes.detections, edges = [];
  // The last one is drawn on top of the others: the middle of its left edge.
  const [left, top, , height] = boxes[boxes.length - 1].box;
  if (left > 1) {
    const pixel = context.getImageData(Math.round(left), Math.round(top + height / 2), 1, 1);
    const colour = Page.hello.palette[Number(boxes[boxes.length - 1].class) % 256];
    edges.push({ on: [...pixel.data].slice(0, 3), colour });
  }
  Page.hidden.add("detections");
  Page.paint(scene);
  const with_mask = read();
  Page.opacity["segmentation/mask"] = 0;
  Page.paint(scene);
  const without = read();
  Page.opacity["segmentation/mask"] = 0.5;
  Page.hidden.delete("detections");
  Page.hidden.delete("tracks");
  return { stamp: header.stamp, size: [canvas.width, canvas.height], boxes, edges, with_mask, without,
           mask: [...scene.maps["segmentation/mask"]] };
})()"""
