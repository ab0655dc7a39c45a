// Scans of the box's own scanners and card readers. They come over a line of their own and go the way of typed scans; the box keeps each
// until this page has it in its queue, and its id is the id the page asks under, so that nothing is lost or recorded twice.

import { $, ask, look } from "./box.js";
import { clock, t } from "./texts.js";
import { hand } from "./wedge.js";

const AGAIN_MS = 2_000;
const LATE_MS = 120_000; // who was scanned longer ago has gone: people decide
const MOST_SEEN = 500;

const seen = new Set(); // ids that this page has handed on
const late = []; // scans that came while no page was open
let wanted = false;
let line = null;
let waiting = 0;
let troubled = () => {};

// Whether scans of the box's own readers come to this page at all.
export const ownReaders = document.body.dataset.readers === "1";

function handOn(scan) {
  hand(scan.text, { how: scan.ending, typed: scan.text, layout: "reader", gap: 0, caps: false, ask: scan.id, at: scan.at, nfc: scan.from_card, reader: scan.reader });
  ask(`/api/v1/scans/${scan.id}/taking`);
}

async function asked() {
  const dialog = $("#late");
  if (dialog.open) return;
  $("#late-title").textContent = t("page.late_title", { count: late.length });
  $("#late-text").textContent = t("page.late_text", { time: clock(late.at(-1).at) });
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  const scans = late.splice(0);
  if (dialog.returnValue === "go") return scans.forEach(handOn);
  if (dialog.returnValue === "no") return scans.forEach((scan) => ask(`/api/v1/scans/${scan.id}/taking`));
  // Escape decides nothing: they are kept, and asked about when a page is opened again.
  return undefined;
}

function scanned({ data }) {
  const scan = JSON.parse(data);
  if (seen.has(scan.id)) return;
  seen.add(scan.id);
  if (seen.size > MOST_SEEN) seen.delete(seen.values().next().value);
  if (scan.waited_ms < LATE_MS) return handOn(scan);
  late.push(scan);
  return asked();
}

function listen() {
  clearTimeout(waiting);
  if (line || !wanted || document.hidden) return;
  line = new EventSource("/api/v1/scans");
  line.addEventListener("scan", scanned);
  line.addEventListener("trouble", ({ data }) => troubled(JSON.parse(data)));
  line.addEventListener("error", () => {
    if (line?.readyState !== EventSource.CLOSED) return;
    letGo();
    waiting = setTimeout(async () => {
      await look("/api/v1/session");
      listen();
    }, AGAIN_MS);
  });
}

function letGo() {
  clearTimeout(waiting);
  line?.close();
  line = null;
}

// Calls `handler({trouble, reader})` when a reading came to nothing.
export function onTrouble(handler) {
  troubled = handler;
}

// The sentence for how a reader stands.
export function readerText(reader) {
  return t(`reader.${reader.kind}_${reader.standing}`, { name: reader.name, time: clock(reader.since) });
}

// The reader to tell of first: one that is not there.
export const worstOf = (readers) => readers.find((reader) => reader.standing !== "connected") ?? readers[0];

if (ownReaders) {
  addEventListener("scans-wanted", () => {
    wanted = true;
    listen();
  });
  addEventListener("scans-unwanted", () => {
    wanted = false;
    letGo();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? letGo() : listen()));
  addEventListener("pagehide", letGo);
  addEventListener("pageshow", listen);
}
