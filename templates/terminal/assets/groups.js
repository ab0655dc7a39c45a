// Many children in one go: tick, confirm once, see who is done and who needs something.

import { $, ask, newId, toast } from "./box.js";
import { lang, t } from "./texts.js";

const form = $("#group");
let people = [];
let ticked = new Set();
let asked = null; // the request as it was sent, with its id: sent again it doubles nothing
let shownKey = "";
let found = null; // whom the box finds for what is searched; null: everybody
let latest = 0;
let soon;

const service = () => form.querySelector("input[name=service]:checked");
const key = () => `group ${service()?.value} ${form.list.value}`;
const span = (text, kind = "") => Object.assign(document.createElement("span"), { textContent: text, className: kind });

// "12,50" in cents; null where it is no amount.
function cents(text) {
  const parts = /^\s*(\d{1,5})(?:[.,](\d{1,2}))?\s*€?\s*$/.exec(text);
  return parts ? Number(parts[1]) * 100 + Number((parts[2] ?? "0").padEnd(2, "0")) : null;
}

function remembered() {
  try {
    return new Set(JSON.parse(localStorage.getItem(key()) ?? "[]"));
  } catch {
    return new Set();
  }
}

function remember() {
  try {
    localStorage.setItem(key(), JSON.stringify([...ticked]));
  } catch {
    // A browser that keeps nothing only ticks nobody beforehand.
  }
}

const inList = (person) => form.list.value === "" || person.list.split(",").some((list) => list.trim() === form.list.value);
const visible = () => people.filter((person) => inList(person) && (found === null || found.has(person.id)));

function tick(person) {
  const line = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: ticked.has(person.id) });
  box.addEventListener("change", () => {
    if (box.checked) ticked.add(person.id);
    else ticked.delete(person.id);
    count();
  });
  label.append(box, span(person.name, "name"));
  if (!person.joined && !person.pays_self) label.append(span(t("groups.no_card"), "quiet"));
  line.append(label);
  return line;
}

function count() {
  const number = people.filter((person) => inList(person) && ticked.has(person.id)).length;
  $("#ticked").textContent = t("groups.ticked", { count: number });
  $("#book").textContent = t("groups.book", { count: number, service: service()?.parentElement.textContent.trim() ?? "" });
  $("#book").disabled = number === 0 || !service();
  // Where there is nobody to tick, no button lies over the words that say so.
  $("#book").hidden = people.length === 0;
}

function show() {
  const fields = (service()?.dataset.fields ?? "").split(" ");
  for (const field of form.querySelectorAll("[data-field]")) {
    field.hidden = !fields.includes(field.dataset.field);
    for (const input of field.querySelectorAll("input:not([type=checkbox])")) input.required = !field.hidden;
  }
  if (shownKey !== key()) {
    shownKey = key();
    ticked = remembered();
  }
  $("#people").replaceChildren(...visible().map(tick));
  $("#empty").hidden = people.length > 0;
  count();
}

// The box knows how names are typed: with umlauts, without, with accents or none.
async function search() {
  const asking = (latest += 1);
  const words = form.search.value.trim();
  const answer = words === "" ? null : await ask(`/api/v1/people?${new URLSearchParams({ search: words })}`, undefined, { method: "GET" });
  if (asking !== latest) return;
  found = answer?.ok ? new Set(answer.people.map((person) => person.id)) : null;
  said(answer && !answer.ok ? t("page.unreachable") : "");
  show();
}

function said(text) {
  $("#said").textContent = text;
  $("#said").hidden = text === "";
}

function request() {
  const data = new FormData(form);
  const shown = (name) => form.querySelector(`[name=${name}]`).closest("[data-field]")?.hidden === false;
  const body = { service: data.get("service"), service_date: data.get("service_date") };
  body.people = people.filter((person) => inList(person) && ticked.has(person.id)).map((person) => person.id);
  if (shown("amount")) {
    body.cents = cents(data.get("amount"));
    if (!body.cents) return null;
  }
  if (shown("months")) body.months = Number(data.get("months"));
  if (shown("starts_at")) Object.assign(body, { starts_at: data.get("starts_at"), ends_at: data.get("ends_at") });
  if (shown("hold_rest") && data.has("hold_rest")) body.hold_rest = true;
  return body;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = request();
  if (!body) return said(t("groups.no_amount"));
  const same = JSON.stringify(body);
  if (asked?.same !== same) asked = { same, body: { ...body, ask: newId() } };
  said("");
  $("#book").disabled = true;
  const answer = await ask("/api/v1/groups", asked.body);
  count();
  if (!answer.ok) return said(answer.status === 0 ? t("page.unreachable") : answer.status === 422 ? t("groups.unfit") : t("groups.not_done"));
  remember();
  results(answer);
});

const holdable = (result) => result.verdict === "refused" && result.can_be_held;

function line(result) {
  const made = document.createElement("li");
  const who = span("", "who");
  who.append(Object.assign(document.createElement("strong"), { textContent: result.person.name }));
  if (result.verdict === "refused") who.append(span(result.reason === "unknown_number" ? t("groups.unknown") : result.message?.[lang] ?? result.reason, "quiet"));
  if (result.held_rest) who.append(span(t("groups.rest_held"), "quiet"));
  const state = result.verdict === "accepted" || result.reason === "already_redeemed" ? "tag yes" : result.later ? "tag" : "tag no";
  const word = result.later ? t("groups.held") : result.verdict === "accepted" ? t("groups.done") : result.reason === "unknown_number" ? t("groups.no_card") : result.word?.[lang] ?? result.reason;
  made.append(who, span(word, state));
  return made;
}

let shown = [];
function results(answer) {
  shown = answer.results;
  form.hidden = true;
  $("#results").hidden = false;
  drawn();
  $("#results-title").focus();
}

function drawn() {
  const green = shown.filter((result) => result.verdict === "accepted");
  const open = shown.filter((result) => result.verdict !== "accepted");
  $("#results-title").textContent = open.length === 0 ? t("groups.all_done", { count: green.length }) : t("groups.some_done", { count: green.length, of: shown.length });
  $("#open").replaceChildren(...open.map(line));
  $("#green").hidden = green.length === 0;
  $("#green summary").textContent = t("groups.show_done", { count: green.length });
  $("#green ul").replaceChildren(...green.map(line));
  const later = open.filter((result) => holdable(result) && !result.later);
  $("#later").hidden = later.length === 0;
  $("#later").textContent = t("groups.later", { count: later.length });
}

$("#later").addEventListener("click", async () => {
  $("#later").disabled = true;
  const { ask: id, service: code, service_date: day, cents: amount } = asked.body;
  let failed = 0;
  for (const result of shown.filter((one) => holdable(one) && !one.later)) {
    const body = { ask: `${id}-h-${result.person.id}`, person: result.person.id, service: code, service_date: day, reason: result.reason };
    if (amount) body.cents = amount;
    const answer = await ask("/api/v1/held", body);
    if (answer.ok) result.later = true;
    else failed += 1;
  }
  $("#later").disabled = false;
  toast(failed > 0 ? t("groups.later_failed", { count: failed }) : t("groups.later_done"), failed > 0 ? "no" : "");
  drawn();
});

$("#again").addEventListener("click", () => {
  asked = null;
  form.hidden = false;
  $("#results").hidden = true;
  show();
});
$("#all").addEventListener("click", () => {
  for (const person of visible()) ticked.add(person.id);
  show();
});
$("#none").addEventListener("click", () => {
  for (const person of visible()) ticked.delete(person.id);
  show();
});
// Only what changes the list draws it anew: a finger that leaves a field for a name must find that name still there.
form.addEventListener("change", (event) => ["service", "list"].includes(event.target.name) && show());
form.search.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(search, 120);
});

const all = await ask("/api/v1/people", undefined, { method: "GET" });
if (all.ok) {
  people = all.people;
  $("#by-list").hidden = all.lists.length === 0;
  form.list.append(...all.lists.map((list) => new Option(list, list)));
} else {
  said(t("page.unreachable"));
}
show();
