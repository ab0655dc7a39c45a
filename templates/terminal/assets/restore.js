// A new box goes on for an earlier one: which backup, what opens it, what was taken over.

import { $, ask, look } from "./box.js";
import { locale, moment, t } from "./texts.js";
import { onScan } from "./wedge.js";

const EVERY_MS = 4000;
const LONG = { tries: 1 }; // a large backup on a slow box takes minutes

const form = $("#choose");
let shown = "";
let working = false;
// The file that the box holds already: a wrong key is no reason to send it again.
let sent = null;

const size = (bytes) => (bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);

// Only what differs is drawn anew: a choice that was made stays, and so does the focus.
function showFound(found) {
  const now = JSON.stringify(found);
  if (now === shown) return;
  const first = shown === "";
  shown = now;
  const before = $("input[name=which]:checked", form)?.value;
  $("#found").replaceChildren(
    ...found.map((one, place) => {
      const line = Object.assign(document.createElement("label"), { className: "check" });
      const choice = Object.assign(document.createElement("input"), { type: "radio", name: "which", value: one.file });
      choice.checked = before === undefined ? first && place === 0 : one.file === before;
      const text = t("restore.one", { at: moment(one.at), stick: one.stick, size: size(one.bytes), name: one.name });
      line.append(choice, Object.assign(document.createElement("span"), { textContent: text }));
      return line;
    }),
  );
  $("#none").hidden = found.length > 0;
}

async function refresh() {
  if (working || $("#asking").hidden) return;
  const answer = await look("/api/v1/restore");
  if (!answer) return;
  if (answer.unused) showFound(answer.found);
  else if (answer.restored) showTaken(answer.restored);
  else location.reload();
}

function wrong(text) {
  $("#wrong").hidden = text === "";
  $("#wrong").textContent = text;
}

function busy(text) {
  working = text !== "";
  $(".go", form).disabled = working;
  $("#busy").hidden = !working;
  $("#busy").textContent = text;
}

const which = () => $("input[name=which]:checked", form);

function missing() {
  const { key, retired, sent: file } = form.elements;
  if (!which()) return [t("restore.choose"), $("input[name=which]", form)];
  if (which().value === "" && file.files.length === 0) return [t("restore.choose_file"), file];
  if (key.value.trim() === "") return [t("restore.key_missing"), key];
  if (!retired.checked) return [t("restore.retired_missing"), retired];
  return null;
}

async function send([file]) {
  const same = `${file.name} ${file.size} ${file.lastModified}`;
  if (sent === same) return { ok: true };
  busy(t("restore.sending"));
  const answer = await ask("/api/v1/restore/file", file, LONG);
  if (answer.ok) sent = same;
  return answer;
}

async function restore() {
  const chosen = which().value;
  if (chosen === "") {
    const arrived = await send(form.elements.sent.files);
    if (!arrived.ok) return arrived;
  }
  busy(t("restore.working"));
  return ask("/api/v1/restore", { file: chosen || undefined, key: asPrinted(form.elements.key.value) }, LONG);
}

function showTaken(restored) {
  form.reset();
  const lines = [t("restore.taken", { count: restored.entries.toLocaleString(locale) })];
  const again = restored.entered_again;
  const held = restored.held_again + restored.lessons_again;
  if (again) lines.push(t("restore.again", { count: again.toLocaleString(locale) }));
  else if (restored.offices.length > 0 && restored.unsent_cancellations.length === 0) lines.push(t("restore.none_again"));
  if (held) lines.push(t("restore.held_again", { count: held.toLocaleString(locale) }));
  $("#taken").replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const cancelled = restored.unsent_cancellations;
  $("#cancelled").hidden = cancelled.length === 0;
  $("#cancelled").textContent = t("restore.cancelled", { entries: cancelled.join(", ") });
  $("#asking").hidden = true;
  $("#done").hidden = false;
  $("#done-title").focus();
}

form.addEventListener("change", () => {
  $("#by-file").hidden = which()?.value !== "";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (working) return;
  const lacks = missing();
  wrong(lacks?.[0] ?? "");
  if (lacks) return lacks[1].focus();
  const answer = await restore();
  busy("");
  if (answer.ok) return showTaken(answer);
  wrong(answer.status === 0 || !answer.detail ? t("restore.unclear") : answer.detail);
  // What is scanned or typed next replaces it.
  if (answer.what === "key") form.elements.key.select();
  if (answer.what === "file") sent = null;
});

// A scanner set to a US keyboard on a German one: a hyphen comes as ß, and Y and Z change places.
function asPrinted(text) {
  const key = text.trim();
  if (!/^ageß/i.test(key)) return key;
  const swapped = { ß: "-", y: "z", z: "y", Y: "Z", Z: "Y" };
  return key.replace(/[ßyz]/gi, (letter) => swapped[letter]);
}

function takeKey(text) {
  form.elements.key.value = asPrinted(text);
  wrong("");
  return true;
}

form.elements.key.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  takeKey(form.elements.key.value);
  form.requestSubmit();
});

onScan(takeKey);
$("#camera").addEventListener("click", async () => {
  const { openCamera } = await import("./camera.js");
  await openCamera((text, close) => takeKey(text) && close());
});

setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
refresh();
