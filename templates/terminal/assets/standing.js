// What is claimed every month: register by a scan, end, mark days of absence. What changed is fetched as the page itself and put in place.

import { $, ask, newId, toast } from "./box.js";
import { lang, locale, t } from "./texts.js";
import { onScan } from "./wedge.js";

const form = $("#register");
const monthName = (month) => new Date(`${month}-15T12:00:00Z`).toLocaleDateString(locale, { month: "long", year: "numeric" });
const thisMonth = () => $("#standing").dataset.today.slice(0, 7);

function later(month, by) {
  const [year, number] = month.split("-").map(Number);
  const at = new Date(Date.UTC(year, number - 1 + by, 1));
  return `${at.getUTCFullYear()}-${String(at.getUTCMonth() + 1).padStart(2, "0")}`;
}

async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const now = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#shown");
    if (!now) return location.reload();
    $("#shown").replaceWith(document.importNode(now, true));
  } catch {
    toast(t("page.unreachable"), "no");
  }
}

function told(text, kind) {
  $("#told").textContent = text;
  $("#told").className = kind;
}

// "12,50" → 1250; null where it is no amount.
function cents(text) {
  const parts = /^(\d{1,6})(?:[.,](\d{1,2}))?\s*€?$/.exec(text.trim());
  return parts ? Number(parts[1]) * 100 + Number((parts[2] ?? "").padEnd(2, "0")) : null;
}

async function register(code) {
  const { service, from_month } = form.elements;
  const body = { ask: newId(), code, service: service.value, from_month: from_month.value };
  if (service.selectedOptions[0].hasAttribute("data-free")) {
    body.cents = cents(form.elements.cents.value);
    if (!body.cents) {
      told(t("standing.amount_like"), "warn");
      form.elements.cents.focus();
      return;
    }
  }
  const answer = await ask("/api/v1/standing", body);
  form.elements.code.value = "";
  if (answer.verdict === "registered") {
    const who = answer.hint ?? "";
    told(t(answer.before ? "standing.was_registered" : "standing.is_registered", { who }), "good");
    await refresh();
  } else {
    told(answer.message?.[lang] ?? answer.message?.de ?? answer.detail ?? t("page.unreachable"), "warn");
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const code = form.elements.code.value.trim();
  if (code) register(code);
  else form.elements.code.focus();
});
form?.elements.service.addEventListener("change", (event) => {
  $("#amount").hidden = !event.target.selectedOptions[0].hasAttribute("data-free");
});
if (form) onScan((text) => document.querySelector("dialog[open]") === null && register(text));

// The buttons of a row; what is shown may have been replaced since.
let row = null;
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-do]");
  if (!button) return;
  row = button.closest("li[data-id]");
  if (button.dataset.do === "end") openEnd();
  else openAway();
});

const end = $("#end");
function openEnd() {
  const { who, first, last } = row.dataset;
  $("#end-title").textContent = t("standing.end_of", { who });
  const from = [first, later(thisMonth(), -2)].sort().at(-1);
  const choices = Array.from({ length: 15 }, (_, more) => later(from, more));
  end.querySelector("select").replaceChildren(...choices.map((month) => new Option(monthName(month), month)));
  end.querySelector("select").value = choices.includes(last) ? last : choices.includes(thisMonth()) ? thisMonth() : choices[0];
  $("#go-on").hidden = last === "";
  end.returnValue = "";
  end.showModal();
}
end.addEventListener("close", async () => {
  if (!["end", "on"].includes(end.returnValue)) return;
  const last = end.returnValue === "end" ? end.querySelector("select").value : null;
  const answer = await ask(`/api/v1/standing/${row.dataset.id}/end`, { last_month: last });
  if (!answer.ok) return toast(answer.detail, "no");
  toast(last ? t("standing.ends_with", { month: monthName(last) }) : t("standing.goes_on"));
  await refresh();
});

const away = $("#away");
let month = "";
let marked = new Set();

function openAway() {
  marked = new Set(row.dataset.away.split(" ").filter(Boolean));
  month = [thisMonth(), row.dataset.first].sort().at(-1);
  if (row.dataset.last && month > row.dataset.last) month = row.dataset.last;
  $("#away-title").textContent = t("standing.away_of", { who: row.dataset.who });
  showMonth();
  away.showModal();
  $("#days button[tabindex='0']")?.focus();
}

// A month as a grid, Monday first; weekends are no service days.
function showMonth(focus) {
  const first = new Date(`${month}-01T12:00:00Z`);
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const lead = (first.getUTCDay() + 6) % 7;
  $("#away-month").textContent = monthName(month);
  $("#back").disabled = month <= [row.dataset.first, later(thisMonth(), -11)].sort().at(-1);
  $("#on").disabled = month >= (row.dataset.last || later(thisMonth(), 2));
  const cells = Array.from({ length: lead }, () => document.createElement("td"));
  for (let day = 1; day <= length; day += 1) cells.push(dayCell(`${month}-${String(day).padStart(2, "0")}`));
  const weeks = [];
  for (let at = 0; at < cells.length; at += 7) {
    weeks.push(document.createElement("tr"));
    weeks.at(-1).append(...cells.slice(at, at + 7));
  }
  $("#days").replaceChildren(...weeks);
  const buttons = [...$("#days").querySelectorAll("button")];
  const chosen = buttons.find((b) => b.value === (focus ?? $("#standing").dataset.today)) ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
  if (focus) chosen?.focus();
}

function dayCell(day) {
  const cell = document.createElement("td");
  const at = new Date(`${day}T12:00:00Z`);
  const number = String(at.getUTCDate());
  if ([0, 6].includes(at.getUTCDay())) {
    cell.className = "rest";
    cell.textContent = number;
    return cell;
  }
  const button = Object.assign(document.createElement("button"), { type: "button", value: day, textContent: number });
  button.setAttribute("aria-label", at.toLocaleDateString(locale, { weekday: "long", day: "numeric", month: "long" }));
  button.setAttribute("aria-pressed", String(marked.has(day)));
  cell.append(button);
  return cell;
}

for (let day = 2; day < 9; day += 1) {
  const at = new Date(Date.UTC(2023, 0, day, 12)); // 2 January 2023 was a Monday.
  const head = Object.assign(document.createElement("th"), { scope: "col", textContent: at.toLocaleDateString(locale, { weekday: "short" }) });
  head.abbr = at.toLocaleDateString(locale, { weekday: "long" });
  $("#weekdays").append(head);
}

$("#days").addEventListener("click", async ({ target }) => {
  if (!target.matches("button") || target.disabled) return;
  const is = !marked.has(target.value);
  target.disabled = true;
  const answer = await ask(`/api/v1/standing/${row.dataset.id}/absences`, { day: target.value, away: is });
  target.disabled = false;
  if (!answer.ok) return toast(answer.detail, "no");
  if (is) marked.add(target.value);
  else marked.delete(target.value);
  target.setAttribute("aria-pressed", String(is));
  target.focus();
});

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
$("#days").addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || !event.target.matches("button")) return;
  event.preventDefault();
  let at = new Date(`${event.target.value}T12:00:00Z`);
  do at = new Date(at.getTime() + Math.sign(step) * (Math.abs(step) === 7 ? 7 : 1) * 86_400_000);
  while ([0, 6].includes(at.getUTCDay()));
  const button = $("#days").querySelector(`button[value="${at.toISOString().slice(0, 10)}"]`);
  if (!button) return;
  event.target.tabIndex = -1;
  button.tabIndex = 0;
  button.focus();
});
$("#back").addEventListener("click", () => {
  month = later(month, -1);
  showMonth();
});
$("#on").addEventListener("click", () => {
  month = later(month, 1);
  showMonth();
});
$("#away-done").addEventListener("click", () => away.close());
away.addEventListener("close", refresh);
