// Backups: how it stands, what is plugged in, where they go. The recovery key is made by the box, shown here once, and kept by nobody but people.

import { $, ask, look, toast } from "./box.js";
import { locale, moment, t } from "./texts.js";

const EVERY_MS = 4000;
const LONG = { tries: 1 }; // a large box and a slow stick take minutes

const form = $("#choose");
let state = null;
let changing = false;
let making = false;
let shown = "";

const room = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toLocaleString(locale, { maximumFractionDigits: 0 })} GB` : `${Math.round(bytes / 1e6)} MB`);
const short = (address) => `${address.slice(0, 10)}…${address.slice(-6)}`;

function often(hours) {
  const known = { 1: t("backup.every_1"), 6: t("backup.every_6"), 24: t("backup.every_24"), 168: t("backup.every_168") };
  return known[hours] ?? t("backup.every_hours", { hours });
}

function target() {
  if (!state.to) return t("backup.nowhere");
  const stick = state.sticks.find((one) => one.mount === state.stick);
  return stick ? `${t("backup.on_stick", { label: stick.label })} (${state.to})` : state.to;
}

function next() {
  const due = state.next ? new Date(state.next) : new Date();
  return due <= new Date() ? t("backup.at_once") : moment(due);
}

function facts() {
  const rows = [[t("backup.last_at"), state.last ? moment(state.last) : t("backup.never")], [t("backup.where"), target()]];
  if (!state.to) return rows;
  const kept = state.keep ? `, ${t("backup.kept", { keep: state.keep })}` : "";
  const owner = state.recipient ? t("backup.key_owner", { recipient: short(state.recipient) }) : t("backup.key_passphrase");
  // What is wrong says by itself when the next one follows.
  const follows = state.grade === "ok" ? [[t("backup.next"), next()]] : [];
  return [...rows, [t("backup.how_often"), `${often(state.every_hours)}${kept}`], ...follows, [t("backup.key"), owner]];
}

function show() {
  const well = state.grade === "ok";
  $("#state").className = well ? "good" : "warn";
  $("#state").textContent = well ? t("backup.well") : t(`backup.wrong_${state.word ?? "old"}`);
  $("#same-disk").hidden = !state.same_disk;
  $("#facts").replaceChildren(
    ...facts().flatMap(([name, text]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: text }),
    ]),
  );
  $("#make").disabled = !state.to || making;
  if (!form) return;
  const chosen = state.set_by === "page";
  $("#chosen").hidden = !chosen || changing;
  form.hidden = chosen && !changing;
  $("#unchanged").hidden = !chosen;
  $("#key-kept").hidden = !chosen;
  if (chosen) $("#key-kept span").textContent = t("backup.key_keep", { recipient: short(state.recipient) });
}

// The sticks, redrawn only when they differ: a choice that was made stays, and so does the focus.
function showSticks() {
  if (!form) return;
  const now = JSON.stringify(state.sticks.map(({ mount, writable, label }) => [mount, writable, label]));
  if (now === shown) return;
  shown = now;
  const before = $("input[name=place]:checked", form);
  const wanted = before ? before.value : state.sticks.length === 1 ? state.sticks[0].mount : null;
  $("#sticks").replaceChildren(
    ...state.sticks.map((stick) => {
      const line = Object.assign(document.createElement("label"), { className: "check" });
      const choice = Object.assign(document.createElement("input"), { type: "radio", name: "place", value: stick.mount, disabled: !stick.writable });
      choice.checked = stick.writable && stick.mount === wanted;
      const text = stick.writable ? t("backup.stick_free", { label: stick.label, free: room(stick.free) }) : t("backup.stick_locked", { label: stick.label });
      line.append(choice, Object.assign(document.createElement("span"), { textContent: text }));
      return line;
    }),
  );
  $("#no-stick").hidden = state.sticks.length > 0;
}

function take(answer) {
  state = answer;
  showSticks();
  show();
}

async function refresh() {
  const answer = await look("/api/v1/backup");
  if (answer) take(answer);
}

function say(text, kind) {
  const said = $("#said");
  said.hidden = false;
  said.className = kind;
  said.textContent = text;
}

// Makes one now; another tap meanwhile would only make a second one.
async function make() {
  making = true;
  $("#make").disabled = true;
  say(t("backup.making"), "quiet");
  const answer = await ask("/api/v1/backup/now", undefined, LONG);
  making = false;
  $("#make").disabled = !state.to;
  return answer;
}

$("#make").addEventListener("click", async () => {
  const answer = await make();
  say(answer.ok ? t("backup.made") : answer.detail, answer.ok ? "good" : "warn");
  if (answer.ok) take(answer);
  else refresh();
});

// ---- choosing

function wrong(text) {
  $("#wrong").hidden = text === "";
  $("#wrong").textContent = text;
}

function place() {
  const chosen = $("input[name=place]:checked", form);
  if (!chosen) return { wrong: t("backup.choose_place") };
  if (!chosen.dataset.folder) return { stick: chosen.value };
  const folder = form.elements.folder.value.trim();
  return folder ? { folder } : { wrong: t("backup.choose_folder") };
}

async function set({ stick, folder }, recipient) {
  const answer = await ask("/api/v1/backup", { stick, folder, recipient, every_hours: Number(form.elements.every.value) });
  if (!answer.ok) {
    wrong(answer.detail);
    return;
  }
  changing = false;
  proven = null;
  take(answer);
  const made = await make();
  say(made.ok ? t("backup.set") : `${t("backup.set_not_made")} ${made.detail}`, made.ok ? "good" : "warn");
  if (made.ok) take(made);
  else await refresh();
}

// Shows a new key until somebody has proven that they hold it, or gives up: then nothing has changed.
let made = null;
// The address of a new key that somebody holds and that could not be set up yet: a second one would only be mistaken for it.
let proven = null;
let wanted = null;

async function showKey(where) {
  wanted = where;
  const answer = await ask("/api/v1/backup/key", undefined, { tries: 1 });
  if (!answer.ok) {
    wrong(answer.detail);
    return;
  }
  made = answer;
  const start = "AGE-SECRET-KEY-1";
  const rest = answer.key.slice(start.length);
  $("#secret").textContent = [start, ...rest.match(/.{1,4}/g)].join(" ");
  $("#picture").src = `data:image/svg+xml,${encodeURIComponent(answer.picture)}`;
  $("#sheet-address").textContent = answer.recipient;
  $("#sheet-of").textContent = t("backup.sheet_of", { place: $("#sheet-of").dataset.place });
  $("#sheet-older").hidden = !state.recipient;
  $("#prove").reset();
  $("#prove-wrong").hidden = true;
  $("#sheet").showModal();
}

function forgetKey() {
  made = null;
  $("#secret").textContent = "";
  $("#picture").removeAttribute("src");
}

$("#sheet")?.addEventListener("close", forgetKey);
$("#sheet [value=cancel]")?.addEventListener("click", () => $("#sheet").close());
$("#print")?.addEventListener("click", () => print());

$("#prove")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = event.target.elements.proof.value.replaceAll(/\s/g, "").toUpperCase();
  if (typed !== made.key.slice(-6)) {
    $("#prove-wrong").hidden = false;
    $("#prove-wrong").textContent = t("backup.prove_wrong");
    event.target.elements.proof.focus();
    return;
  }
  proven = made.recipient;
  $("#sheet").close();
  set(wanted, proven);
});

form?.addEventListener("change", () => {
  $("#folder").hidden = !$("input[name=place]:checked", form)?.dataset.folder;
  $("#address").hidden = form.elements.key.value !== "known";
});

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const where = place();
  wrong(where.wrong ?? "");
  if (where.wrong) return;
  const key = form.elements.key.value;
  const recipient = form.elements.recipient.value.trim();
  if (key === "new" && proven) set(where, proven);
  else if (key === "new") showKey(where);
  else if (key === "keep") set(where, undefined);
  else if (recipient) set(where, recipient);
  else wrong(t("backup.choose_key"));
});

$("#change")?.addEventListener("click", () => {
  changing = true;
  form.elements.every.value = [6, 24, 168].includes(state.every_hours) ? String(state.every_hours) : "24";
  $("#key-kept input").checked = true;
  show();
  $("input[name=place]", form).focus();
});

$("#unchanged")?.addEventListener("click", () => {
  changing = false;
  wrong("");
  show();
  $("#change").focus();
});

$("#stop")?.addEventListener("click", () => {
  const dialog = $("#stopping");
  dialog.returnValue = "";
  dialog.showModal();
});
$("#stopping [value=cancel]")?.addEventListener("click", () => $("#stopping").close());
$("#stopping")?.addEventListener("close", async () => {
  if ($("#stopping").returnValue !== "yes") return;
  const answer = await ask("/api/v1/backup", undefined, { method: "DELETE" });
  toast(answer.ok ? t("backup.stopped") : answer.detail, answer.ok ? "" : "no");
  if (answer.ok) take(answer);
});

setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
refresh();
