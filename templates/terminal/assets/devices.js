// The devices of the house: show a code for a further one, rename and remove.

import { $, ask, look, toast } from "./box.js";
import { onNews } from "./events.js";
import { clock, locale, t } from "./texts.js";

const list = $("#devices");
let shownUntil = 0;
let known = null;

// Asks in a dialog; true when it was confirmed.
export function confirmed(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

for (const button of document.querySelectorAll('dialog button[value="cancel"]')) {
  button.addEventListener("click", () => button.closest("dialog").close(""));
}

function seen(device) {
  const at = new Date(device.seen_at);
  const minutes = (Date.now() - at) / 60_000;
  if (Math.abs(minutes) < 2) return t("devices.seen_now");
  if (at.toDateString() === new Date().toDateString()) return t("devices.seen_today", { time: clock(at) });
  return t("devices.seen", { day: at.toLocaleDateString(locale) });
}

export function button(text, name, kind, action) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: `small ${kind}` });
  made.setAttribute("aria-label", `${text}: ${name}`);
  made.addEventListener("click", action);
  return made;
}

async function rename(device) {
  $("#new-name").value = device.name;
  if (!(await confirmed($("#rename")))) return;
  settle(await ask(`/api/v1/devices/${device.id}`, { name: $("#new-name").value }));
}

async function remove(device) {
  $("#remove-what").textContent = t("devices.remove_what", { name: device.name });
  if (!(await confirmed($("#remove")))) return;
  settle(await ask(`/api/v1/devices/${device.id}`, undefined, { method: "DELETE" }));
}

async function settle(answer) {
  toast(answer.ok ? t("devices.changed") : answer.detail, answer.ok ? "" : "no");
  await refresh();
}

function row(device) {
  const item = document.createElement("li");
  const about = Object.assign(document.createElement("div"), { className: "about" });
  about.append(Object.assign(document.createElement("strong"), { textContent: device.name }));
  if (device.this) about.append(" ", Object.assign(document.createElement("span"), { className: "tag", textContent: t("devices.this") }));
  about.append(Object.assign(document.createElement("div"), { className: "quiet", textContent: seen(device) }));
  const actions = Object.assign(document.createElement("div"), { className: "row" });
  actions.append(
    button(t("devices.rename"), device.name, "plain", () => rename(device)),
    button(t("devices.remove"), device.name, "plain", () => remove(device)),
  );
  item.append(about, actions);
  return item;
}

async function refresh() {
  const answer = await look("/api/v1/devices");
  if (!answer) return;
  const added = known && answer.devices.find((device) => !known.has(device.id));
  if (added) {
    toast(t("devices.added", { name: added.name }));
    hideCode();
  }
  known = new Set(answer.devices.map((device) => device.id));
  $("#none").hidden = answer.devices.length > 0;
  list.replaceChildren(...answer.devices.map(row));
}

function hideCode() {
  shownUntil = 0;
  $("#steps").hidden = true;
  $("#before").hidden = false;
  $("#new-code").textContent = t("devices.show_code");
}

async function showCode() {
  const answer = await ask("/api/v1/devices/code");
  if (!answer.ok) return toast(answer.detail, "no");
  $("#code").textContent = `${answer.code.slice(0, 4)} ${answer.code.slice(4)}`;
  $("#picture").hidden = !answer.picture;
  if (answer.picture) $("#picture").src = `data:image/svg+xml,${encodeURIComponent(answer.picture)}`;
  shownUntil = Date.now() + answer.seconds * 1000;
  $("#before").hidden = true;
  $("#steps").hidden = false;
  $("#new-code").textContent = t("devices.other_code");
  tick();
}

function tick() {
  if (!shownUntil) return;
  const seconds = Math.max(0, Math.round((shownUntil - Date.now()) / 1000));
  if (seconds === 0) return hideCode();
  $("#left").textContent = t("devices.left", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
}

$("#new-code")?.addEventListener("click", showCode);
setInterval(tick, 1000);
onNews(refresh);
refresh();
