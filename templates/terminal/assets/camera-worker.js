// Finds QR codes in one picture after the other, beside the page, so that the page never stutters. Asked by camera-reader.js.

import { prepareZXingModule, readBarcodes } from "./vendor/zxing-wasm/dist/es/reader/index.js";

prepareZXingModule({
  overrides: { locateFile: (name) => new URL(`vendor/zxing-wasm/dist/reader/${name}`, import.meta.url).href },
  fireImmediately: true,
});

const QR = { formats: ["QRCodeModel2"], textMode: "Plain", tryHarder: true, tryRotate: false, tryInvert: false };
// Ways to look. The two for frames miss different ones (tests/browser/camera_bench.js), so a camera takes turns. Up to two codes, so
// that two in one frame are noticed. A picture is looked at until one way finds any.
const WAYS = {
  frame: [{ ...QR, tryDownscale: true, downscaleFactor: 3, maxNumberOfSymbols: 2 }],
  frame_again: [{ ...QR, tryDownscale: true, downscaleFactor: 2, tryDenoise: true, maxNumberOfSymbols: 2 }],
  picture: [
    { ...QR, tryInvert: true, tryDownscale: true, downscaleFactor: 2, tryDenoise: true },
    { ...QR, tryInvert: true, tryDownscale: true, binarizer: "GlobalHistogram" },
  ],
};

// Longest sides in pixels at which a picture is looked at: a small one is quick and smooths noise, the large one shows small codes.
const SIDES = [2000, 4096];

let canvas;

// The pixels of a bitmap, with its longest side at most `longest`.
function pixels(bitmap, longest = Infinity) {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is see-through becomes paper
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

// The codes in these pixels by the first way that finds any; x and y are their middle, as parts of width and height.
async function find(image, ways) {
  for (const way of ways) {
    const found = (await readBarcodes(image, way)).filter((code) => code.isValid && code.text !== "");
    if (found.length > 0) {
      const middle = ({ topLeft: a, topRight: b, bottomLeft: c, bottomRight: d }, axis) => (a[axis] + b[axis] + c[axis] + d[axis]) / 4;
      return found.map(({ text, position }) => ({ text, x: middle(position, "x") / image.width, y: middle(position, "y") / image.height }));
    }
  }
  return [];
}

// All codes of a whole picture, in reading order, each text once.
async function findAll(bitmap) {
  const longest = Math.max(bitmap.width, bitmap.height);
  const sides = SIDES.filter((side, at) => at === 0 || longest > SIDES[at - 1]);
  const found = new Map();
  for (const side of sides) {
    for (const code of await find(pixels(bitmap, side), WAYS.picture)) if (!found.has(code.text)) found.set(code.text, code);
  }
  const line = ({ y }) => Math.round(y * 20); // what stands side by side is one line
  return [...found.values()].sort((a, b) => line(a) - line(b) || a.x - b.x);
}

async function answer({ source, how }) {
  if (source instanceof ImageData) return { codes: await find(source, WAYS[how]) };
  const bitmap = source instanceof Blob ? await createImageBitmap(source) : source;
  try {
    return { codes: how === "picture" ? await findAll(bitmap) : await find(pixels(bitmap), WAYS[how]) };
  } finally {
    bitmap.close();
  }
}

addEventListener("message", async ({ data }) => {
  const began = performance.now();
  try {
    postMessage({ ...(await answer(data)), id: data.id, took: performance.now() - began });
  } catch (error) {
    postMessage({ id: data.id, failed: String(error) });
  }
});
