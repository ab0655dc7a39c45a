// Codes in a file: a photo, a scan, a letter as PDF. Nothing leaves the box; the PDF reader is loaded only when a PDF comes.

import { toast } from "./box.js";
import { read } from "./camera-reader.js";
import { t } from "./texts.js";

const MAX_BYTES = 50 * 1024 * 1024;
const MAX_PAGES = 20;
const PAGE_PATIENCE_MS = 20_000;
// A page's longest side in pixels: an A4 page at 170 dots an inch, four to a module of ours; at 350 where nothing was found.
const PAGE_SIDES = [2000, 4096];
const PDF = new URL("vendor/pdfjs-dist/", import.meta.url).href;

const unreadable = () => new Error(t("camera.unreadable"));

// A picture that only the page itself can open: HEIC in Safari, SVG. As a bitmap of bounded size.
async function drawn(file) {
  const address = URL.createObjectURL(file);
  try {
    const image = Object.assign(new Image(), { src: address });
    await image.decode();
    const vector = file.type === "image/svg+xml";
    const longest = Math.max(image.naturalWidth, image.naturalHeight, 1);
    const scale = vector ? 1600 / longest : Math.min(1, 4096 / longest);
    const [width, height] = [image.naturalWidth, image.naturalHeight].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(image, 0, 0, width, height);
    return await createImageBitmap(canvas);
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function inPicture(file) {
  try {
    return (await read(file, "picture")).codes;
  } catch {
    const bitmap = await drawn(file).catch(() => {
      throw unreadable();
    });
    return (await read(bitmap, "picture")).codes;
  }
}

// One page, drawn so that its longest side has this many pixels.
async function page(pdf, number, longest) {
  const leaf = await pdf.getPage(number);
  const plain = leaf.getViewport({ scale: 1 });
  const viewport = leaf.getViewport({ scale: longest / Math.max(plain.width, plain.height) });
  const [width, height] = [viewport.width, viewport.height].map((side) => Math.max(1, Math.floor(side)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const task = leaf.render({ canvas, viewport, background: "#fff" });
  const late = setTimeout(() => task.cancel(), PAGE_PATIENCE_MS);
  try {
    await task.promise;
    return await createImageBitmap(canvas);
  } finally {
    clearTimeout(late);
    leaf.cleanup();
    canvas.width = canvas.height = 0; // gives the memory back at once
  }
}

async function inPdf(file) {
  const reader = await import("./vendor/pdfjs-dist/legacy/build/pdf.min.mjs");
  reader.GlobalWorkerOptions.workerSrc = `${PDF}legacy/build/pdf.worker.min.mjs`;
  const opening = reader.getDocument({
    data: new Uint8Array(await file.arrayBuffer()),
    wasmUrl: `${PDF}wasm/`,
    disableFontFace: true,
    useSystemFonts: false,
    maxImageSize: 64 * 1024 * 1024,
    verbosity: 0,
  });
  try {
    const pdf = await opening.promise.catch((error) => {
      throw error.name === "PasswordException" ? new Error(t("camera.password")) : unreadable();
    });
    return await inPages(pdf);
  } finally {
    await opening.destroy();
  }
}

async function inPages(pdf) {
  const found = [];
  let unread = Math.max(0, pdf.numPages - MAX_PAGES);
  for (let number = 1; number <= Math.min(pdf.numPages, MAX_PAGES); number += 1) {
    try {
      let codes = [];
      for (const longest of PAGE_SIDES) {
        if (codes.length === 0) ({ codes } = await read(await page(pdf, number, longest), "picture"));
      }
      found.push(...codes);
    } catch {
      unread += 1; // a page that is damaged or takes too long does not keep the others
    }
  }
  if (unread > 0 && unread === pdf.numPages) throw unreadable();
  if (unread > 0) toast(t("camera.pages_unread", { count: unread }), "no");
  return found;
}

// The texts of all QR codes in a photo, a scan or a PDF, in reading order, each once; empty where there is none.
// A file that cannot be opened is an error whose message is a sentence for people.
export async function codesInFile(file) {
  if (file.size === 0) throw new Error(t("camera.empty_file"));
  if (file.size > MAX_BYTES) throw new Error(t("camera.large_file"));
  const head = await file.slice(0, 1024).text().catch(() => {
    throw unreadable();
  });
  const codes = await (head.includes("%PDF-") ? inPdf(file) : inPicture(file));
  return [...new Set(codes.map(({ text }) => text))];
}
