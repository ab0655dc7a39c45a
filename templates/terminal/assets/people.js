// The lists: find, add, change, delete; join a card or give a chip by a scan, one after the other.

import { $, ask, toast } from "./box.js";
import { lang, t } from "./texts.js";
import { onScan } from "./wedge.js";

const SHOWN = 200;
let people = [];
let joining = null; // { person, chip, queue, code }
let stopScans = null;
let editing = null;
let latest = 0;

const message = (answer) => answer.message?.[lang] ?? (answer.status === 0 ? t("page.unreachable") : t("people.not_done"));

// A button with a name of its own for screen readers.
function button(text, name, does, kind = "plain") {
  const made = Object.assign(document.createElement("button"), { type: "button", className: `${kind} small`, textContent: text });
  const more = Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: `: ${name}` });
  made.append(more);
  made.addEventListener("click", does);
  return made;
}

function span(text, kind = "") {
  return Object.assign(document.createElement("span"), { textContent: text, className: kind });
}

function state(person) {
  if (person.joined) return span(t("people.joined"), "tag joined");
  return person.pays_self ? span(t("people.pays_self"), "tag joined") : span(t("people.no_card"), "tag without");
}

function row(person) {
  const line = document.createElement("li");
  const who = span("", "who");
  who.append(Object.assign(document.createElement("strong"), { textContent: person.name }));
  if (person.number) who.append(span(person.number, "quiet number"));
  if (person.list) who.append(span(person.list, "quiet"));
  who.append(state(person));
  const actions = span("", "do");
  if (!person.joined && !person.pays_self) actions.append(button(t("people.join"), person.name, () => begin([person])));
  actions.append(button(t("people.edit"), person.name, () => edit(person)));
  line.append(who, actions);
  return line;
}

const unjoined = () => people.filter((person) => !person.joined && !person.pays_self);

async function refresh() {
  const form = new FormData($("#filter"));
  const asked = (latest += 1);
  const query = new URLSearchParams({ search: form.get("search"), list: form.get("list") ?? "" });
  const found = await ask(`/api/v1/people?${query}`, undefined, { method: "GET" });
  if (asked !== latest) return;
  if (!found.ok) return toast(message(found), "no");
  people = found.people;
  $("#count").textContent = people.length === found.of ? String(found.of) : t("people.count", { count: people.length, of: found.of });
  $("#people").replaceChildren(...people.slice(0, SHOWN).map(row));
  $("#empty").hidden = people.length > 0;
  $("#empty").textContent = t(found.of === 0 ? "people.empty" : "people.no_match");
  $("#more").hidden = people.length <= SHOWN;
  $("#more").textContent = t("people.shown", { count: SHOWN });
  $("#by-list").hidden = found.lists.length === 0;
  const select = $("#filter select");
  const options = [["", t("people.all_lists")], ...found.lists.map((list) => [list, list])];
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === chosen)));
  $("#lists").replaceChildren(...found.lists.map((list) => new Option(list, list)));
  const open = unjoined().length;
  $("#join-all").hidden = open === 0;
  $("#join-all").textContent = t("people.join_all", { count: open });
}

// Joining: a panel that stays while scans come in, so that a whole list can be gone through.
function begin(queue, chip = false) {
  joining = { queue, chip, of: queue.length };
  $("#joining").hidden = false;
  stopScans ??= onScan((text) => scanned(text));
  next();
}

function next() {
  joining.person = joining.queue.shift();
  if (!joining.person) return end();
  const { person, chip, of, queue } = joining;
  $("#joining-title").textContent = person.name;
  const place = of > 1 ? ` ${t("people.place", { at: of - queue.length, of })}` : "";
  $("#joining-text").textContent = t(chip ? "people.scan_chip" : "people.scan_card") + place;
  $("#joining-skip").hidden = of <= 1;
  said("");
  $("#joining-form").code.value = "";
  $("#joining-form").code.focus();
}

function end() {
  joining = null;
  stopScans?.();
  stopScans = null;
  $("#joining").hidden = true;
  $("#list-title").scrollIntoView({ block: "nearest" });
}

function said(text, replaceable = false) {
  $("#joining-said").hidden = text === "";
  $("#joining-said").textContent = text;
  $("#joining-replace").hidden = !replaceable;
}

async function scanned(text, replace = false) {
  const code = text.trim();
  const now = joining;
  if (!now || now.busy || code === "") return;
  now.busy = true;
  now.code = code;
  const { person, chip } = now;
  const answer = chip
    ? await ask("/api/v1/chips", { uid: code, person: person.id, replace })
    : await ask(`/api/v1/people/${person.id}/card`, { code, replace });
  now.busy = false;
  if (answer.verdict === "taken") return said(t(answer.person ? "people.taken_by" : "people.taken", { name: answer.person?.name ?? "" }), true);
  if (answer.status === 422 && chip) return said(t("people.no_chip"));
  if (!answer.ok || answer.verdict === "refused") return said(message(answer));
  toast(t(chip ? "people.chip_given" : "people.joined_now", { name: person.name }));
  refresh();
  if (joining === now) next();
}

$("#joining-form").addEventListener("submit", (event) => {
  event.preventDefault();
  scanned(event.target.code.value);
});
$("#joining-replace").addEventListener("click", () => scanned(joining.code, true));
$("#joining-skip").addEventListener("click", next);
$("#joining-close").addEventListener("click", end);
$("#joining-camera").addEventListener("click", async () => (await import("./camera.js")).openCamera((text) => scanned(text)));
$("#join-all").addEventListener("click", () => begin(unjoined()));

// Editing.
function edit(person) {
  editing = person;
  const form = $("#edit form");
  form.reset();
  $("#edit-title").textContent = t(person ? "people.edit_title" : "people.add");
  $("#edit-more").hidden = !person;
  $("#edit-said").hidden = true;
  for (const field of ["name", "number", "list"]) form[field].value = person?.[field] ?? (field === "list" ? $("#filter select").value : "");
  form.pays_self.checked = person?.pays_self ?? false;
  form.pays_self.closest("label").hidden = person?.joined ?? false;
  $("#unjoin").hidden = !person?.joined;
  $("#forget-chips").hidden = !person?.chips;
  $("#edit").showModal();
  form.name.focus();
}

$("#edit form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = { name: form.name.value, number: form.number.value, list: form.list.value, pays_self: form.pays_self.checked };
  const answer = editing ? await ask(`/api/v1/people/${editing.id}`, body, { method: "PUT" }) : await ask("/api/v1/people", body);
  if (answer.ok) {
    $("#edit").close();
    toast(t("people.saved", { name: answer.person.name }));
    return refresh();
  }
  const text = answer.verdict === "taken" ? t("people.number_taken", { name: answer.person.name }) : answer.status === 422 ? t("people.unfit") : message(answer);
  $("#edit-said").textContent = text;
  $("#edit-said").hidden = false;
});
$("#edit button[value=cancel]").addEventListener("click", () => $("#edit").close());

// Asks once more before something is taken away.
function sure(text, yes) {
  $("#sure-text").textContent = text;
  $("#sure-yes").textContent = yes;
  $("#sure").returnValue = "";
  $("#sure").showModal();
  return new Promise((done) => $("#sure").addEventListener("close", () => done($("#sure").returnValue === "yes"), { once: true }));
}

async function take(what, path, text, said) {
  const person = editing;
  $("#edit").close();
  if (!(await sure(t(text, { name: person.name }), t(what)))) return;
  const answer = await ask(`/api/v1/people/${person.id}${path}`, undefined, { method: "DELETE" });
  toast(answer.ok ? t(said, { name: person.name }) : message(answer), answer.ok ? "" : "no");
  refresh();
}

$("#delete").addEventListener("click", () => take("people.delete", "", "people.delete_sure", "people.deleted"));
$("#unjoin").addEventListener("click", () => take("people.unjoin", "/card", "people.unjoin_sure", "people.unjoined"));
$("#forget-chips").addEventListener("click", () => take("people.forget_chips", "/chips", "people.forget_sure", "people.forgotten"));
$("#give-chip").addEventListener("click", () => {
  const person = editing;
  $("#edit").close();
  begin([person], true);
});
$("#add").addEventListener("click", () => edit(null));

let waiting;
$("#filter").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, 150);
});
$("#filter").addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
refresh();
