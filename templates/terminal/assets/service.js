// Today's service: chosen once, kept for this browser; what a service needs besides is asked only where it needs it.

import { $ } from "./box.js";
import { berlinDay, locale, t } from "./texts.js";

const TOUCH_MS = 1000;

const setup = $("#setup");
const line = $("#service-line");
const form = $("#choice");
let moved = () => {};
let touched = 0; // when a finger or mouse last chose: arrow keys only look around
let shift = 0; // how far the box's clock is ahead of this browser's, in milliseconds

// The box's own time tells which day it is.
export function setClock(now) {
  shift = Date.parse(now) - Date.now();
}

export const boxTime = () => Date.now() + shift;
export const today = () => berlinDay(boxTime());
const named = new Intl.DateTimeFormat(locale, { weekday: "short", day: "2-digit", month: "2-digit", year: "numeric" });
export const dayName = (day) => named.format(new Date(`${day}T12:00:00Z`));

export const chosen = () => $("input[name=service]:checked", form);
export const label = (code) => form.querySelector(`input[value="${CSS.escape(code ?? "")}"]`)?.dataset.label ?? code ?? "";

// What is typed as 12,50 becomes 1250.
function cents(text) {
  const match = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  return match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : NaN;
}

const shown = (name) => {
  const input = form.elements[name];
  return input && !input.closest("[data-for]")?.hidden ? input : null;
};
const value = (name) => shown(name)?.value.trim() ?? "";

export const day = () => (value("service_date") === "" || value("service_date") === today() ? null : value("service_date"));
export const isLesson = () => chosen()?.dataset.fields.includes("lesson") && value("starts_at") === "" && value("ends_at") === "";

// What is still missing before a scan can be taken, as a sentence; the field that lacks it is shown.
export function missing() {
  const open = (name, sentence) => {
    unfold(true);
    form.elements[name]?.focus?.();
    return sentence;
  };
  if (!chosen()) return open("", t("counter.choose_service"));
  if (shown("cents") && !(cents(value("cents")) > 0)) return open("cents", t("counter.amount_like"));
  if (day() !== null && day() > today()) return open("service_date", t("counter.day_ahead"));
  if ((value("starts_at") === "") !== (value("ends_at") === "")) return open("starts_at", t("counter.both_times"));
  if (value("starts_at") !== "" && value("starts_at") >= value("ends_at")) return open("ends_at", t("counter.times_order"));
  return null;
}

// What a request says of the service, its day and amount. Which day is today, the box knows better than a page that asked it a while ago.
export function details() {
  const found = { service: chosen().value };
  if (day() !== null) found.service_date = day();
  if (shown("cents")) found.cents = cents(value("cents"));
  const months = Number(value("months") || 1);
  if (months > 1) found.months = Math.min(12, months);
  const rate = Number(value("rate") || 1);
  if (rate > 1) found.charge = String(Math.min(99, rate));
  if (shown("hold_rest")?.checked) found.hold_rest = true;
  if (value("starts_at") !== "") Object.assign(found, { starts_at: value("starts_at"), ends_at: value("ends_at") });
  return found;
}

function showFields() {
  const fields = (chosen()?.dataset.fields ?? "").split(" ");
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = !fields.includes(part.dataset.for);
}

// The one line that stays when the choice is folded: no amount stands in it, it faces the queue.
export function showLine() {
  const parts = [];
  if (shown("cents")) parts.push(t(cents(value("cents")) > 0 ? "counter.amount_set" : "counter.amount_open"));
  if (Number(value("months") || 1) > 1) parts.push(t("counter.for_months", { months: value("months") }));
  if (Number(value("rate") || 1) > 1) parts.push(t("counter.for_rate", { rate: value("rate") }));
  if (value("starts_at") !== "") parts.push(`${value("starts_at")}–${value("ends_at")}`);
  $("#service-name").textContent = chosen() ? chosen().dataset.label : t("counter.choose_service");
  $("#service-more").textContent = parts.join(" · ");
  $("#service-day").textContent = day() ? dayName(day()) : t("counter.today_word");
  $("#service-day").classList.toggle("no", day() !== null);
  form.elements.service_date.max = today();
  $("#other-day").hidden = day() === null;
  $("#other-day span").textContent = day() ? t("counter.other_day", { day: dayName(day()) }) : "";
}

export function unfold(open) {
  setup.hidden = !open;
  $("#change").setAttribute("aria-expanded", String(open));
  line.classList.toggle("open", open);
}

function choose(code) {
  const input = form.querySelector(`input[name=service][value="${CSS.escape(code)}"]`);
  if (input) input.checked = true;
  return input !== null;
}

// Begins with what this browser chose last, else with what is usual at this box; `change` is called when a choice is complete.
export function startService(change) {
  moved = change;
  const inputs = form.querySelectorAll("input[name=service]");
  const kept = localStorage.getItem("service");
  if (inputs.length === 1) inputs[0].checked = true;
  else if (!(kept && choose(kept)) && form.dataset.usual) choose(form.dataset.usual);
  showFields();
  showLine();
  unfold(!chosen() && inputs.length > 0);
}

form.addEventListener("change", (event) => {
  if (event.target.name === "service") {
    localStorage.setItem("service", event.target.value);
    showFields();
    const needs = (chosen()?.dataset.fields ?? "").split(" ").includes("amount");
    if (needs) form.elements.cents.focus();
    else if (event.target.dataset.fields === "" && Date.now() - touched < TOUCH_MS) unfold(false);
  }
  showLine();
  moved();
});
form.addEventListener("pointerdown", () => (touched = Date.now()));
form.addEventListener("input", showLine);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (missing() !== null) return;
  unfold(false);
  moved();
});
$("#change").addEventListener("click", () => unfold(setup.hidden));
$("#other-day button").addEventListener("click", () => {
  form.elements.service_date.value = "";
  showLine();
  moved();
});
