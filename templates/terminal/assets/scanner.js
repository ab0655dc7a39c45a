// Tests a hand scanner: what it typed is compared with what the picture holds, and each fault has a name and a cure.

import { $, look } from "./box.js";
import { onNews } from "./events.js";
import { onTrouble, ownReaders, readerText } from "./readers.js";
import { clock, t } from "./texts.js";
import { TEST_CODE, onScan, ours } from "./wedge.js";

const SLOW_MS = 12; // a card of 255 characters then takes three seconds
const CARD = 255; // characters of a usual code

const LEVELS = ["good", "works", "wrong"];

// The longest beginning of the test code that a text has somewhere, and what stands around it.
function compared(text) {
  const [typed, wanted] = [text.trim().toUpperCase(), TEST_CODE];
  for (let length = wanted.length; length >= 8; length -= 1) {
    const at = typed.indexOf(wanted.slice(0, length));
    if (at >= 0) return { length, before: text.trim().slice(0, at), after: text.trim().slice(at + length) };
  }
  return { length: 0, before: "", after: "" };
}

// What is to be said of a scan: {level, text} each, the worst first.
export function findings(text, about) {
  const found = [];
  const say = (level, sentence) => found.push({ level, text: sentence });
  if (/^BUT[12]/i.test(ours(text) ?? "")) return [{ level: "wrong", text: t("scanner.card") }];
  const { length, after } = compared(text);
  const { before } = compared(about.typed);
  if (length < TEST_CODE.length) {
    const shuffled = length < TEST_CODE.length - 2 || text.trim().length >= TEST_CODE.length;
    if (shuffled && text.trim().length >= TEST_CODE.length) say("wrong", t("scanner.mixed"));
    else say("wrong", t("scanner.short", { count: text.trim().length, all: TEST_CODE.length }));
  } else if (after !== "") {
    say("wrong", t("scanner.suffix", { text: after }));
  }
  if (before !== "") say("works", t("scanner.prefix", { text: before }));
  say(["fr", "cz"].includes(about.layout) ? "works" : "good", t(`scanner.layout_${about.layout}`));
  if (about.caps) say("works", t("scanner.caps"));
  if (about.how === "idle") say("works", t("scanner.no_end"));
  if (about.how === "tab") say("good", t("scanner.tab_end"));
  if (about.gap > SLOW_MS) say("works", t("scanner.slow", { ms: Math.round(about.gap), seconds: Math.round((about.gap * CARD) / 1000) }));
  return found.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
}

function list(place, rows) {
  place.replaceChildren(...rows.flatMap((row) => row.map((text, at) => Object.assign(document.createElement(at === 0 ? "dt" : "dd"), { textContent: text }))));
}

function scanned(text, about) {
  const found = findings(text, about);
  const { level } = found[0];
  $("#result").dataset.level = level;
  const readable = level !== "wrong" || compared(text).length > 0 || ours(text) !== null;
  $("#verdict").textContent = readable ? t(`scanner.${level}`) : t("scanner.nothing");
  if (level === "good") found.unshift({ level, text: t("scanner.good_text") });
  $("#found").replaceChildren(...found.map((each) => {
    const item = Object.assign(document.createElement("li"), { textContent: each.text });
    item.dataset.level = each.level;
    return item;
  }));
  $("#raw").hidden = false;
  $("#typed").textContent = about.typed;
  list($("#raw dl"), [
    [t("scanner.seen"), String(text.length)],
    [t("scanner.speed"), `${about.gap === Infinity ? "–" : Math.round(about.gap)} ms`],
    [t("scanner.ending"), t(`scanner.ending_${about.how}`)],
  ]);
}

// A reading of the box's own readers that came to nothing.
function nothing({ trouble }) {
  $("#result").dataset.level = "wrong";
  $("#verdict").textContent = t("scanner.nothing");
  const item = Object.assign(document.createElement("li"), { textContent: t(`reader.trouble_${trouble}`) });
  item.dataset.level = "wrong";
  $("#found").replaceChildren(item);
  $("#raw").hidden = true;
}

async function showReaders() {
  const answer = await look("/api/v1/readers");
  if (!answer) return;
  $("#readers").replaceChildren(...answer.readers.map((reader) => {
    const item = Object.assign(document.createElement("li"), { textContent: readerText(reader) });
    item.dataset.level = reader.standing === "connected" ? "good" : "wrong";
    if (reader.trouble) {
      const text = `${clock(reader.trouble.at)}: ${t(`reader.trouble_${reader.trouble.what}`)}`;
      item.append(Object.assign(document.createElement("p"), { className: "quiet", textContent: text }));
    }
    return item;
  }));
}

onScan(scanned);
if (ownReaders) {
  onTrouble(nothing);
  onNews(showReaders);
  showReaders();
}
