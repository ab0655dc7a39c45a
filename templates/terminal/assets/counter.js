// The page at the counter. It decides nothing: every scan is asked of the box, with an id of its own, through a queue that keeps it.

import { $, ask, newId, toast } from "./box.js";
import { startChips } from "./chips.js";
import { startDevice } from "./device.js";
import { refreshSoon, startLights } from "./lights.js";
import { again, enqueue, startQueue } from "./queue.js";
import { onTrouble } from "./readers.js";
import { boxTime, dayName, details, isLesson, label, missing, startService } from "./service.js";
import { setSound, signal, soundOn } from "./sound.js";
import { lang, t } from "./texts.js";
import { answered, idle, isWaiting, show, showStrip, stageKind, startVerdict, told, viewOfWaiting } from "./verdict.js";
import { startWays } from "./ways.js";
import { onScan } from "./wedge.js";

const LOOK_MS = 90_000; // looking ends by itself, so that nobody goes on scanning without recording

let looking = null; // the timer that ends looking
let settling = null; // the held entry that the next scan settles
const EARLY = "teilhabe.early"; // where they are kept for a reload
const unplaced = kept(); // scans that came before the service was chosen or the amount typed

const person = (found) => ({ person: found.person?.id ?? found.person, forgotten: true, why_forgotten: found.why });

function kept() {
  try {
    const early = JSON.parse(localStorage.getItem(EARLY) ?? "[]");
    return Array.isArray(early) ? early : [];
  } catch {
    return [];
  }
}

function keepEarly() {
  if (unplaced.length > 0) localStorage.setItem(EARLY, JSON.stringify(unplaced));
  else localStorage.removeItem(EARLY);
}

function showEarly(lacking) {
  show({ kind: "off", word: t("counter.first"), text: `${lacking} ${t("counter.card_waits", { count: unplaced.length })}` });
}

// Asks the box for what was scanned: a code, or a person without a card.
function place(who) {
  const lacking = settling ? null : missing();
  if (lacking !== null) {
    unplaced.push(who);
    keepEarly();
    showEarly(lacking);
    return;
  }
  if (looking) {
    lookLonger();
    enqueue("/api/v1/checks", { ...who, ...details() }, { kind: "look" });
  } else if (settling) {
    enqueue("/api/v1/redemptions", { ask: newId(), ...who, held: settling.seq }, { kind: "redeem" });
    settle(null);
  } else if (isLesson()) {
    enqueue("/api/v1/lessons", { ask: newId(), ...who, service: details().service }, { kind: "redeem" });
  } else {
    enqueue("/api/v1/redemptions", { ask: newId(), ...who, ...details() }, { kind: "redeem" });
  }
}

// A phone's code is good for a minute: where it has to wait, the box is told when it was shown. What the box's own readers read brings its id
// along and is asked under that one.
function scan(text, about = {}) {
  const shown = /^BUT2/i.test(text) ? { scanned_at: new Date(about.at ?? boxTime()).toISOString() } : {};
  place({ code: text, ...shown, ...(about.ask ? { ask: about.ask } : {}), ...(about.nfc ? { nfc: true } : {}) });
}

function placeWaiting() {
  if (unplaced.length === 0 || missing() !== null) return;
  idle();
  const early = unplaced.splice(0);
  early.forEach(place);
  keepEarly();
}

function settle(entry) {
  settling = entry;
  $("#settling").hidden = entry === null;
  if (entry) {
    $("#settling span").textContent = t("counter.settling", { who: entry.alias, what: `${label(entry.service)} · ${dayName(entry.service_date)}` });
    scrollTo({ top: 0 });
  }
}

function lookLonger() {
  clearTimeout(looking);
  looking = setTimeout(() => look(false), LOOK_MS);
}

function look(on) {
  clearTimeout(looking);
  looking = null;
  if (on) lookLonger();
  $("#looking").hidden = !on;
  document.body.classList.toggle("looking", on);
  $("#look").setAttribute("aria-pressed", String(on));
  if (!isWaiting()) idle();
}

function undo(entry) {
  const ids = entry.answer.entries?.map((each) => each.id) ?? [entry.answer.id];
  for (const id of ids) enqueue(`/api/v1/redemptions/${id}/cancellation`, { reason: "typing_error" }, { kind: "undo", of: entry.item.key });
}

function hold(entry) {
  const { body } = entry.item;
  const held = { ask: newId(), service: body.service, code: body.code, person: body.person, reason: entry.answer.reason, service_date: body.service_date };
  if (body.cents !== undefined) held.cents = body.cents;
  enqueue("/api/v1/held", held, { kind: "hold", of: entry.item.key });
}

// A name for what was held, asked when the plate is long out of the door.
function name(entry) {
  askAlias(told(entry.answer.alias), async (alias) => {
    const answer = await ask(`/api/v1/held/${entry.answer.id}/alias`, { alias });
    if (answer.ok) {
      entry.view.hint = answer.alias;
      entry.done = true;
      if (stageKind() === "held") show(entry.view, entry, true);
      showStrip();
      refreshSoon();
    } else {
      toast(answer.detail ?? t("counter.unknown_answer"), "no");
    }
  });
}

function without() {
  const lacking = missing();
  if (lacking !== null) return show({ kind: "off", word: t("counter.first"), text: lacking });
  askAlias("", (alias) => {
    const { service, service_date, cents } = details();
    enqueue("/api/v1/held", { ask: newId(), service, service_date, alias, ...(cents ? { cents } : {}) }, { kind: "hold" });
  });
}

function askAlias(alias, then) {
  const dialog = $("#alias-dialog");
  const field = $("#alias");
  field.value = alias;
  dialog.returnValue = "";
  dialog.showModal();
  field.select();
  dialog.addEventListener("close", () => dialog.returnValue === "go" && field.value.trim() !== "" && then(field.value.trim()), { once: true });
}

function got(item, answer) {
  answered(item, answer);
  refreshSoon();
}

function waiting(items, answer, item) {
  const view = viewOfWaiting(items.length, answer);
  const newest = item === null || items.at(-1).key !== waiting.newest || stageKind() !== view.kind;
  waiting.newest = items.at(-1)?.key;
  show(view, null, true);
  if (newest && answer !== null) signal(view.kind);
}

async function stayAwake() {
  try {
    if (document.visibilityState === "visible") await navigator.wakeLock?.request("screen");
  } catch {
    // The browser or its battery does not want to.
  }
}

function showSound() {
  $("#sound").setAttribute("aria-pressed", String(soundOn()));
}

for (const dialog of document.querySelectorAll("dialog[data-plain]")) {
  dialog.addEventListener("click", (event) => event.target.closest("button")?.value === "cancel" && dialog.close(""));
}
$("#look").addEventListener("click", () => look(!looking));
$("#looking button").addEventListener("click", () => look(false));
$("#settling button").addEventListener("click", () => settle(null));
$("#sound").addEventListener("click", () => {
  setSound(!soundOn());
  showSound();
  signal("yes");
});
document.addEventListener("visibilitychange", stayAwake);

startVerdict({ undo, hold, name, again });
startService(placeWaiting);
startLights({ settle, reached: again });
startDevice();
startChips();
startWays({ scan, forgotten: (found) => place(person(found)), without });
onScan(scan);
onTrouble(({ trouble }) => show({ kind: "no", word: t("reader.once_more"), text: t(`reader.trouble_${trouble}`) }));
startQueue({ answered: got, waiting });
if (unplaced.length > 0) {
  const lacking = missing();
  if (lacking === null) placeWaiting();
  else showEarly(lacking);
}
showSound();
stayAwake();
