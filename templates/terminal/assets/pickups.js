// Pick-ups of another system from a file: looked at first, then recorded, each once.

import { $, ask } from "./box.js";
import { euros, lang, locale, t } from "./texts.js";

let file = null;

const cell = (text) => Object.assign(document.createElement("td"), { textContent: text });
const span = (text, kind = "") => Object.assign(document.createElement("span"), { textContent: text, className: kind });
const day = (text) => new Date(`${text}T12:00:00Z`).toLocaleDateString(locale, { day: "2-digit", month: "2-digit", year: "numeric" });

const COUNTS = [
  ["new", "pickups.count_new", "good"],
  ["paying", "pickups.count_paying", "good"],
  ["before", "pickups.count_before", ""],
  ["already", "pickups.count_already", ""],
  ["twice", "pickups.count_twice", ""],
  ["held", "pickups.count_held", ""],
  ["unknown", "pickups.count_unknown", "warn"],
  ["refused", "pickups.count_refused", "warn"],
  ["wrong", "pickups.count_wrong", "warn"],
];

function count(number, key, kind) {
  const made = Object.assign(document.createElement("li"), { className: kind });
  made.append(Object.assign(document.createElement("strong"), { textContent: number.toLocaleString(locale) }), t(key));
  return made;
}

function errorLine(error) {
  const made = document.createElement("li");
  const line = error.line > 0 ? t("pickups.in_line", { line: error.line }) : t("pickups.whole_file");
  made.append(span(line, "number"), span(error.message[lang] ?? error.message.en));
  return made;
}

function openLine(row) {
  const made = document.createElement("tr");
  const why = row.fate === "held" ? t("pickups.held") : row.fate === "unknown" ? t("pickups.unknown") : row.word?.[lang] ?? row.reason;
  made.append(cell(row.line), cell(row.code), cell(day(row.service_date)), cell(why));
  return made;
}

function show(answer) {
  $("#preview").hidden = false;
  const errors = answer.errors ?? [];
  const open = answer.open ?? [];
  $("#errors").replaceChildren(...errors.map(errorLine));
  $("#errors-title").hidden = errors.length === 0;
  $("#open tbody").replaceChildren(...open.map(openLine));
  $("#open").hidden = $("#open-title").hidden = open.length === 0;
  $("#counts").replaceChildren();
  $("#book").hidden = $("#hold").hidden = true;
  if (!answer.ok) {
    $("#preview-title").textContent = answer.status === 0 ? t("page.unreachable") : errors.length > 0 ? t("pickups.unreadable") : (answer.message?.[lang] ?? t("pickups.not_done"));
  } else {
    $("#preview-title").textContent = t(answer.booked ? "pickups.booked" : "pickups.preview", { amount: euros(answer.cents) });
    $("#counts").append(...COUNTS.filter(([name]) => answer[name] > 0).map(([name, key, kind]) => count(answer[name], key, kind)));
    const ready = answer.new + answer.paying;
    $("#book").hidden = answer.booked || ready === 0;
    $("#book").textContent = t("pickups.book", { count: ready.toLocaleString(locale) });
    const unclear = answer.unknown + answer.refused;
    $("#hold").hidden = unclear === 0;
    $("#hold").textContent = t(answer.booked || ready === 0 ? "pickups.hold" : "pickups.book_and_hold", { count: unclear.toLocaleString(locale) });
  }
  $("#preview-title").focus();
}

async function send(book, hold) {
  if (!file) return;
  const buttons = [$("#book"), $("#hold")];
  for (const button of buttons) button.disabled = true;
  $("#preview").hidden = false;
  $("#preview-title").textContent = t("pickups.working");
  const query = new URLSearchParams({ service: $("#import").service.value, book, hold });
  const answer = await ask(`/api/v1/pickups/file?${query}`, file);
  for (const button of buttons) button.disabled = false;
  show(answer);
}

$("#import").file.addEventListener("change", async (event) => {
  const [chosen] = event.target.files;
  event.target.value = "";
  if (!chosen) return;
  try {
    file = new Blob([await chosen.arrayBuffer()]);
  } catch {
    file = null;
    $("#preview").hidden = false;
    $("#preview-title").textContent = t("pickups.unreadable");
    return;
  }
  send(false, false);
});
$("#import").service.addEventListener("change", () => send(false, false));
$("#import").addEventListener("submit", (event) => event.preventDefault());
$("#book").addEventListener("click", () => send(true, false));
$("#hold").addEventListener("click", () => send(true, true));
