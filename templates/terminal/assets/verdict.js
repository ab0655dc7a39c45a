// What the box has answered, as people see it: one large verdict, and the last scans in a strip beneath, each with what can be done.

import { $ } from "./box.js";
import { afterPaint } from "./paint.js";
import { boxTime, dayName, label, today } from "./service.js";
import { signal } from "./sound.js";
import { berlinDay, clock, euros, lang, t } from "./texts.js";
import { typing } from "./wedge.js";

const MOST = 6; // scans in the strip
const UNDO_SECONDS = 30;
const GREEN_MS = 8000; // after this the next child is not to take the last verdict for its own
const OTHER_MS = 30_000;
const JUST_NOW_MS = 15_000;
const CLASSES = { again: "no again", paper: "no paper" }; // no new entry, but other looks

const stage = $("#verdict");
const strip = $("#strip");
const said = $("#said");
const sheet = $("#sheet");
const shown = []; // the strip, the latest first: {item, view, answer, done}
let actions = {}; // what the buttons do: undo, hold, name
let fading;
let current = null;
let kind = "idle"; // of the verdict on the stage

function refused(item, answer) {
  const view = { kind: "no", word: answer.word?.[lang] ?? t("counter.check_input"), text: answer.message?.[lang] ?? "", time: "" };
  if (answer.since && ["already_redeemed", "lesson_overlap"].includes(answer.reason)) {
    const at = Date.parse(answer.since);
    view.time = berlinDay(at) === today() ? clock(at) : `${dayName(berlinDay(at))}, ${clock(at)}`;
    if (answer.till) view.time += ` · ${answer.till}`;
    if (answer.reason === "already_redeemed") view.kind = "again";
    if (view.kind === "again" && boxTime() - at < JUST_NOW_MS) Object.assign(view, { word: t("counter.just_now"), text: t("counter.just_now_text"), time: "" });
  }
  view.hold = answer.can_be_held === true && item.note.kind === "redeem" && item.body.held === undefined;
  return view;
}

function accepted(item, answer) {
  const lines = [];
  if (answer.person?.name) lines.push(answer.person.name);
  if (answer.units) lines.push(t("counter.lesson_from_to", { from: answer.starts_at, to: answer.ends_at }));
  if (answer.settled?.length === 1) lines.push(t("counter.settled_one"));
  if (answer.settled?.length > 1) lines.push(t("counter.settled", { count: answer.settled.length }));
  if (answer.held_rest?.length > 0) lines.push(t("counter.rest_held"));
  if (answer.own_share) lines.push(t("counter.own_share"));
  const months = answer.entries?.length ?? 1;
  if (months > 1) lines.push(t("counter.for_months", { months }));
  return { kind: "yes", word: t("counter.accepted_word"), hint: answer.hint ?? "", text: lines.join(" · "), undo: answer.id !== undefined };
}

// What the box made up for want of a name says nothing to people.
export const told = (alias) => (alias.startsWith("…") ? "" : alias);

// The view of an answer.
export function viewOf(item, answer) {
  const { kind } = item.note;
  if (kind === "look" && answer.verdict === "accepted") {
    return { kind: "look", word: t("counter.look_yes"), hint: answer.hint ?? "", text: t("counter.look_text") };
  }
  if (kind === "look" && answer.verdict === "refused") return { ...refused(item, answer), kind: "look", hold: false };
  switch (answer.verdict) {
    case "accepted": return accepted(item, answer);
    case "refused": return refused(item, answer);
    case "started": return { kind: "run", word: t("counter.started"), hint: answer.hint ?? "", time: answer.starts_at, text: t("counter.started_text") };
    case "running": return { kind: "run", word: t("counter.running"), hint: answer.hint ?? "", time: answer.starts_at, text: t("counter.running_text", { minutes: answer.minutes_to_unit }) };
    case "held": return { kind: "held", word: t("counter.held"), hint: told(answer.alias), text: t("counter.held_text"), name: item.body.person === undefined ? answer.id : undefined };
    case "cancelled": return { kind: "undone", word: t("counter.undone"), text: t("counter.undone_text") };
    default: return { kind: "no", word: t("counter.check_input"), text: answer.detail ? t("counter.not_taken", { detail: answer.detail }) : t("counter.unknown_answer") };
  }
}

// The view of scans that the box has not answered.
export function viewOfWaiting(count, answer) {
  const waiting = count === 1 ? t("counter.one_waits") : t("counter.many_wait", { count });
  if (answer === null) return { kind: "off", word: t("counter.moment"), text: waiting };
  if (answer.status === 403) return { kind: "off", word: t("counter.pin_needed"), text: waiting, again: true };
  if (answer.status === 401) return { kind: "off", word: t("counter.not_connected"), text: `${t("counter.not_connected_text")} ${waiting}`, again: true };
  if (answer.status === 0) return { kind: "off", word: t("counter.no_answer"), text: `${waiting} ${t("counter.no_answer_text")}`, again: true };
  return { kind: "paper", word: t("counter.paper_list"), text: `${answer.message?.[lang] ?? t("counter.paper_text")} ${waiting}`, again: true };
}

function sign(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "sign");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#sign-${kind}`);
  svg.append(use);
  return svg;
}

function make(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

function button(text, work, className = "") {
  const made = Object.assign(make("button", text, className), { type: "button" });
  made.addEventListener("click", work);
  return made;
}

const secondsLeft = (entry) => Math.ceil((entry.until - Date.now()) / 1000);

const hasDetails = ({ answer }) => answer?.verdict !== undefined && answer.verdict !== "cancelled";

// What can be done about one scan. A button that counts down is written anew each second, but never replaced under a finger.
function buttons(entry, large) {
  const { view } = entry;
  const small = large ? "" : "small";
  const made = [];
  if (view.undo && !entry.done && secondsLeft(entry) > 0) {
    const undo = button(t("counter.undo", { seconds: secondsLeft(entry) }), () => act(entry, "undo"), small);
    undo.dataset.until = entry.until;
    made.push(undo);
  }
  if (view.hold && !entry.done) made.push(button(t("counter.hold"), () => act(entry, "hold"), small));
  if (view.name && !entry.done) made.push(button(t("counter.name_it"), () => actions.name(entry), small));
  if (view.again) made.push(button(t("counter.again"), () => actions.again(), small));
  if (large && hasDetails(entry)) made.push(button(t("counter.details"), () => showSheet(entry), "plain more"));
  return made;
}

function act(entry, what) {
  entry.done = true;
  actions[what](entry);
  showStrip();
}

function fill(view, entry) {
  kind = view.kind;
  stage.className = CLASSES[view.kind] ?? view.kind;
  $(".sign", stage).replaceWith(sign(view.kind));
  $("#word").textContent = view.word;
  for (const name of ["time", "hint", "text"]) $(`#${name}`).textContent = view[name] ?? "";
  $("#acts").replaceChildren(...(entry ? buttons(entry, true) : []));
}

// Shows a verdict large; after a while the stage is free again.
export function show(view, entry = null, silent = false) {
  current = entry;
  fill(view, entry ?? (view.again ? { view, done: true } : null));
  said.textContent = [view.word, view.hint, view.time, view.text].filter(Boolean).join(". ");
  clearTimeout(fading);
  if (!["idle", "off", "paper"].includes(view.kind)) {
    fading = setTimeout(idle, ["yes", "undone", "again", "run"].includes(view.kind) ? GREEN_MS : OTHER_MS);
  }
  if (silent) return;
  // Sound and scrolling measure and load; the colour is first.
  afterPaint(() => {
    signal(view.kind);
    const { top, bottom } = stage.getBoundingClientRect();
    if (bottom < innerHeight / 4 || top > innerHeight / 2) stage.scrollIntoView({ block: "center" });
  });
}

export function idle() {
  current = null;
  clearTimeout(fading);
  fill({ kind: "idle", word: t("counter.ready"), text: t("counter.ready_text") }, null);
}

export const stageKind = () => kind;
export const isWaiting = () => ["off", "paper"].includes(kind);

// An answer about an earlier scan changes that scan's place in the strip, where it is still there.
function changed(item, answer) {
  const entry = shown.find((each) => each.item.key === item.note.of);
  if (!entry || !["cancelled", "held"].includes(answer.verdict)) return null;
  const hint = answer.verdict === "cancelled" ? entry.view.hint : "";
  entry.view = { ...viewOf(item, answer), ...(hint ? { hint } : {}) };
  entry.answer = answer;
  entry.done = false;
  return entry;
}

// Adds an answer to the strip and shows it.
export function answered(item, answer) {
  const before = changed(item, answer);
  if (before) {
    show(before.view, before);
    afterPaint(showRows);
    return;
  }
  const entry = { item, answer, view: viewOf(item, answer), done: false, until: Date.now() + UNDO_SECONDS * 1000 };
  shown.unshift(entry);
  // What is settled gives way first, so that a refusal is not lost behind the green ones that follow it.
  while (shown.length > MOST) {
    const open = (each) => each.view.hold && !each.done;
    const settled = shown.findLastIndex((each) => !open(each));
    shown.splice(settled > 0 ? settled : shown.length - 1, 1);
  }
  show(entry.view, entry);
  afterPaint(showRows);
}

function row(entry) {
  const item = document.createElement("li");
  item.dataset.kind = entry.view.kind;
  const what = make("div", "", "what");
  what.append(make("b", entry.view.word), make("span", [entry.view.hint, entry.view.time].filter(Boolean).join(" · ")));
  const acts = make("div", "", "acts");
  acts.append(...buttons(entry, false));
  item.append(sign(entry.view.kind), make("time", clock(entry.item.at)), what, acts);
  if (hasDetails(entry)) {
    const more = button("⋯", () => showSheet(entry), "plain small more");
    more.setAttribute("aria-label", `${t("counter.details")}: ${what.textContent}`);
    item.append(more);
  }
  return item;
}

function showRows() {
  strip.replaceChildren(...shown.map(row));
  $("#strip-empty").hidden = shown.length > 0;
}

export function showStrip() {
  showRows();
  if (current) $("#acts").replaceChildren(...buttons(current, true));
}

setInterval(() => {
  if (typing()) return;
  for (const each of document.querySelectorAll("[data-until]")) {
    const left = Math.ceil((Number(each.dataset.until) - Date.now()) / 1000);
    if (left > 0) each.textContent = t("counter.undo", { seconds: left });
    else each.remove();
  }
}, 1000);

const measured = (left, measure) => (measure === "cents" ? euros(left) : measure === "minutes" ? `${left} min` : `${left}×`);

// The particulars of one scan, opened on purpose: the only place with amounts.
function showSheet({ item, answer, view }) {
  const lines = [[t("counter.at"), clock(item.at)], [t("counter.service"), label(item.body.service)]];
  if (item.body.service_date) lines.push([t("counter.day"), dayName(item.body.service_date)]);
  if (answer.hint) lines.push([t("counter.card_hint"), answer.hint]);
  if (answer.cents) lines.push([t(answer.id ? "counter.recorded" : "counter.would_record"), euros(answer.cents)]);
  if (answer.own_share) lines.push([t("counter.own_part"), euros(answer.own_share)]);
  for (const rest of answer.remaining ?? []) {
    lines.push([t(`counter.left_${rest.period}`), t("counter.at_most", { left: measured(rest.left, rest.measure) })]);
  }
  for (const settled of answer.settled ?? []) lines.push([t("counter.settled_line"), `${dayName(settled.service_date)}, ${label(settled.service)}`]);
  for (const rest of answer.held_rest ?? []) lines.push([t("counter.rest_line"), `${dayName(rest.service_date)}, ${euros(rest.cents)}`]);
  if (answer.data_age) lines.push([t("counter.data"), t(`counter.age_${answer.data_age}`)]);
  if (answer.id) lines.push([t("counter.entry"), `${answer.seq ?? answer.id}`]);
  $("h2", sheet).textContent = view.word;
  $("#sheet-text").textContent = view.text;
  $("dl", sheet).replaceChildren(...lines.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  sheet.showModal();
}

// `on`: undo(entry), hold(entry), name(entry), again().
export function startVerdict(on) {
  actions = on;
  idle();
}
