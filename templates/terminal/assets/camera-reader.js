// The page's side of the reader: hands pictures to camera-worker.js and gets codes back.

let worker = null;
let asked = new Map();
let nextId = 1;

function stop(why) {
  worker?.terminate();
  worker = null;
  for (const { reject } of asked.values()) reject(new Error(why));
  asked = new Map();
}

function start() {
  worker = new Worker(new URL("camera-worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const question = asked.get(data.id);
    asked.delete(data.id);
    if (data.failed === undefined) question?.resolve(data);
    else question?.reject(new Error(data.failed));
  });
  // A worker that cannot be loaded says no more than that; the next question starts a new one.
  worker.addEventListener("error", (event) => stop(event.message ?? "the reader could not be loaded"));
}

// The same pixels for browsers whose workers cannot draw.
function flat(bitmap) {
  const { width, height } = bitmap;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

// The codes in one picture: `{ codes: [{ text, x, y }], took }`, took being milliseconds in the worker. `source` is an ImageBitmap
// (given away), ImageData or an image file; `how` is "frame", "frame_again" (slower, finds more) or "picture" (all codes of a large one).
export function read(source, how) {
  if (!worker) start();
  const id = nextId++;
  const given = typeof OffscreenCanvas === "undefined" && source instanceof ImageBitmap ? flat(source) : source;
  const transfer = given instanceof ImageData ? [given.data.buffer] : given instanceof Blob ? [] : [given];
  return new Promise((resolve, reject) => {
    asked.set(id, { resolve, reject });
    worker.postMessage({ id, source: given, how }, transfer);
  });
}
