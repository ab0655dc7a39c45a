// The other readers of the house: which are connected, since when one is silent, what stands twice; add and remove.

import { $, ask, look, toast } from "./box.js";
import { button, confirmed } from "./devices.js";
import { clock, lang, locale, t } from "./texts.js";

const EVERY = 5000;
const said = $("#near-said");

const day = (text) => new Date(`${text}T12:00:00`).toLocaleDateString(locale);
const plain = (address) => address.replace(/^http:\/\//, "");
const nameOf = (neighbour) => neighbour.name || t("devices.near_nameless", { id: neighbour.id.slice(0, 4) });

function state(neighbour) {
  if (neighbour.connected) return t("devices.near_connected");
  if (!neighbour.heard_at) return t("devices.near_never");
  const at = new Date(neighbour.heard_at);
  if (at.toDateString() === new Date().toDateString()) return t("devices.near_silent_today", { time: clock(at) });
  return t("devices.near_silent", { day: at.toLocaleDateString(locale) });
}

async function remove(id, name) {
  $("#remove-what").textContent = t("devices.near_remove_what", { name });
  if (!(await confirmed($("#remove")))) return;
  const answer = await ask(`/api/v1/neighbours/${id}`, undefined, { method: "DELETE" });
  toast(answer.ok ? t("devices.changed") : answer.detail, answer.ok ? "" : "no");
  await refresh();
}

function line(text, className) {
  return Object.assign(document.createElement("div"), { textContent: text, className });
}

function row(id, name, notes) {
  const item = document.createElement("li");
  const about = Object.assign(document.createElement("div"), { className: "about" });
  about.append(Object.assign(document.createElement("strong"), { textContent: name }), ...notes.filter(Boolean).map((note) => line(note, "quiet")));
  const actions = Object.assign(document.createElement("div"), { className: "row" });
  actions.append(button(t("devices.remove"), name, "plain", () => remove(id, name)));
  item.append(about, actions);
  return item;
}

// What is shown is replaced only when it differs, so that the focus stays where it is.
let shown = "";

async function refresh() {
  const answer = await look("/api/v1/neighbours");
  if (!answer) return;
  const rows = [
    ...answer.neighbours.map((near) => [near.id, nameOf(near), [state(near), near.addresses.map(plain).join(", "), near.problem?.[lang]]]),
    ...answer.unmet.map((at) => [at.id, plain(at.address), [t("devices.near_never"), at.problem?.[lang]]]),
  ];
  const doubled = answer.doubled.map((twice) =>
    t("devices.near_twice_line", {
      service: twice.service,
      day: day(twice.service_date),
      time: clock(new Date(twice.at)),
      name: twice.name || t("devices.near_nameless", { id: "" }).trim(),
      there: clock(new Date(twice.there_at)),
    }),
  );
  const now = JSON.stringify([rows, doubled, answer.here]);
  if (now === shown) return;
  shown = now;
  $("#neighbours").replaceChildren(...rows.map((parts) => row(...parts)));
  $("#near-none").hidden = rows.length > 0;
  $("#near-here").hidden = answer.here.length === 0;
  $("#near-here").textContent = t("devices.near_here", { address: answer.here.slice(0, 3).join(", ") });
  $("#near-closed").hidden = answer.here.length > 0;
  $("#twice").hidden = doubled.length === 0;
  $("#doubled").replaceChildren(...doubled.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

$("#near-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  said.hidden = true;
  const answer = await ask("/api/v1/neighbours", { address: $("#near-address").value }, { tries: 1 });
  if (answer.ok) {
    $("#near-address").value = "";
    toast(t("devices.near_added"));
  } else {
    said.textContent = answer.detail;
    said.hidden = false;
  }
  await refresh();
});

setInterval(refresh, EVERY);
refresh();
