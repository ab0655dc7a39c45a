// A list from a file: looked at first, then taken.

import { $, ask } from "./box.js";
import { lang, t } from "./texts.js";

let file = null;

const cell = (text) => Object.assign(document.createElement("td"), { textContent: text });
const item = (kind, ...parts) => {
  const made = Object.assign(document.createElement(kind));
  made.append(...parts);
  return made;
};
const span = (text, kind = "") => Object.assign(document.createElement("span"), { textContent: text, className: kind });

function count(key, number, kind = "") {
  const made = span("", kind);
  made.append(Object.assign(document.createElement("strong"), { textContent: number }), t(key));
  return made;
}

function errorLine(error) {
  const line = error.line > 0 ? t("people.in_line", { line: error.line }) : t("people.whole_file");
  return item("li", span(line, "number"), span(error.message[lang] ?? error.message.en));
}

const NAMES = { added: "people.fate_added", changed: "people.fate_changed", same: "people.fate_same" };

function rowShown(row) {
  const line = item("tr", cell(row.line), cell(row.name), cell(row.number), cell(row.list), cell(t(NAMES[row.fate])));
  line.className = row.fate;
  return line;
}

function show(answer, taken) {
  $("#preview").hidden = false;
  $("#errors").replaceChildren(...(answer.errors ?? []).map(errorLine));
  const read = answer.ok && answer.rows !== undefined;
  $("#rows").hidden = !read || answer.rows.length === 0;
  $("#counts").replaceChildren();
  $("#take").hidden = true;
  $("#go-on").hidden = !taken || !read;
  $("#ignored").hidden = !read || answer.ignored.length === 0;
  if (!read) {
    $("#preview-title").textContent = answer.status === 0 ? t("page.unreachable") : answer.errors ? t("people.unreadable") : (answer.message?.[lang] ?? t("people.not_done"));
  } else {
    $("#preview-title").textContent = t(taken ? "people.import_taken" : "people.import_preview");
    $("#counts").append(
      count(taken ? "people.count_added_now" : "people.count_added", answer.added, "good"),
      count("people.count_changed", answer.changed),
      count("people.count_same", answer.same),
    );
    if (answer.wrong > 0) $("#counts").append(count("people.count_wrong", answer.wrong, "warn"));
    $("#ignored").textContent = t("people.ignored", { columns: answer.ignored.join(", ") });
    $("#rows tbody").replaceChildren(...answer.rows.map(rowShown));
    const open = answer.added + answer.changed;
    $("#take").hidden = taken || open === 0;
    $("#take").textContent = t("people.take_rows", { count: open });
  }
  $("#preview-title").focus();
}

async function send(take) {
  if (!file) return;
  const query = new URLSearchParams({ list: $("#import").list.value.trim(), take });
  $("#take").disabled = true;
  // A copy: the file may change on the stick between the look and the taking.
  const answer = await ask(`/api/v1/people/import?${query}`, file);
  $("#take").disabled = false;
  show(answer, take);
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
    $("#preview-title").textContent = t("people.unreadable");
    return;
  }
  send(false);
});
$("#import").list.addEventListener("change", () => send(false));
$("#import").addEventListener("submit", (event) => event.preventDefault());
$("#take").addEventListener("click", () => send(true));
