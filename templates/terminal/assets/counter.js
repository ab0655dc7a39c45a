// The page at the counter. It decides nothing: every scan is asked of the box, each with an id of its own, so that a repeated
// question gets the same answer and no second entry.

import { $, ask, look, newId } from "./box.js";
import { lang, t } from "./texts.js";

const form = $("#scan");
const code = $("#code");
const verdict = $("#verdict");
const undo = $("#undo");
const hold = $("#hold");

let last = null; // the last answer, for undoing or holding it
let settling = null; // the held entry that the next scan settles
let queue = Promise.resolve(); // scans are asked one after the other

function show(kind, word, hint = "", text = "") {
  verdict.className = `card ${kind}`;
  verdict.querySelector(".word").textContent = word;
  verdict.querySelector(".hint").textContent = hint;
  verdict.querySelector(".text").textContent = text;
  undo.hidden = true;
  hold.hidden = true;
}

const euros = (cents) => (cents / 100).toLocaleString(lang, { style: "currency", currency: "EUR" });

function showAnswer(answer, request) {
  last = { answer, request };
  if (answer.verdict === "accepted") {
    show("yes", t("counter.accepted_word"), answer.hint ?? "", answer.own_share ? `${t("counter.own_share")} ${euros(answer.own_share)}` : "");
    undo.hidden = false;
  } else if (answer.verdict === "refused") {
    show("no", answer.word[lang], "", answer.message[lang]);
    hold.hidden = !answer.can_be_held || request.held !== undefined;
    hold.querySelector("input").value = "";
  } else if (answer.reason === "storage_failed" || answer.status >= 500) {
    show("no", t("counter.paper_list"), "", `${answer.message?.[lang] ?? t("counter.paper_text")} (${answer.detail ?? answer.status})`);
  } else {
    show("no", t("counter.check_input"), "", answer.detail ?? "");
  }
}

function chosen() {
  return form.querySelector("input[name=service]:checked");
}

function showDetails() {
  const kind = chosen()?.dataset.kind ?? "";
  for (const part of document.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(kind);
  }
}

// What is typed as 12,50 becomes 1250.
function cents(text) {
  const match = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  return match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : NaN;
}

function details() {
  const found = {};
  for (const input of document.querySelectorAll("#details label:not([hidden]) input")) {
    if (input.value === "") continue;
    if (input.name === "cents") found.cents = cents(input.value);
    else if (input.name === "months") found.months = Number(input.value);
    else found[input.name] = input.value;
  }
  if (found.months === 1) delete found.months;
  return found;
}

function submit(event) {
  event.preventDefault();
  const scanned = code.value;
  code.value = "";
  const service = chosen();
  if (scanned.trim() === "" || (!service && !settling)) return;
  if (event.submitter?.id === "start") {
    startLesson({ ask: newId(), code: scanned, service: service.value });
    return;
  }
  const request = { ask: newId(), code: scanned, ...details() };
  if (settling) {
    request.held = settling.seq;
    delete request.service_date;
  } else {
    request.service = service.value;
  }
  if (Number.isNaN(request.cents)) {
    show("no", t("counter.check_input"), "", t("counter.amount_like"));
    return;
  }
  stopSettling();
  queue = queue.then(async () => {
    showAnswer(await ask("/api/v1/redemptions", request), request);
    await refresh();
  });
}

function startLesson(request) {
  queue = queue.then(async () => {
    const answer = await ask("/api/v1/lessons", request);
    if (answer.verdict !== "started") return showAnswer(answer, request);
    form.elements.starts_at.value = answer.starts_at;
    show("yes", t("counter.started"), answer.hint ?? "", answer.starts_at);
  });
}

function stopSettling() {
  settling = null;
  $("#settling").hidden = true;
}

async function undoLast() {
  const id = last?.answer?.id;
  const ids = last?.answer?.entries?.map((entry) => entry.id) ?? (id ? [id] : []);
  for (const each of ids) {
    const answer = await ask(`/api/v1/redemptions/${each}/cancellation`, { reason: "typing_error" });
    if (answer.verdict !== "cancelled") return showAnswer(answer, {});
  }
  show("idle", t("counter.undone"));
  await refresh();
}

async function holdLast() {
  const { answer, request } = last;
  const held = { ask: newId(), service: request.service, code: request.code, reason: answer.reason };
  const alias = hold.querySelector("input").value.trim();
  if (alias !== "") held.alias = alias;
  for (const name of ["service_date", "cents"]) if (request[name] !== undefined) held[name] = request[name];
  const done = await ask("/api/v1/held", held);
  if (done.verdict === "held") show("held", t("counter.held"), done.alias, t("counter.held_text"));
  else showAnswer(done, request);
  await refresh();
}

function row(list, time, who, what, extra) {
  const item = document.createElement("li");
  const parts = [["b", time], ["span", who], ["span", what]].map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text }));
  item.append(...parts);
  if (extra) item.append(extra);
  list.append(item);
  return item;
}

const label = (service) => form.querySelector(`input[value="${CSS.escape(service)}"]`)?.nextElementSibling?.textContent ?? service;
const clock = (at) => new Date(at).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Berlin" });

async function refresh() {
  const [day, held, status] = await Promise.all([look("/api/v1/days/today"), look("/api/v1/held"), look("/api/v1/status")]);
  if (day) {
    $("#count").textContent = day.count > 0 ? `· ${day.count}` : "";
    $("#list").replaceChildren();
    for (const entry of day.entries.slice(0, 60)) {
      const item = row($("#list"), clock(entry.at), entry.hint ?? "", label(entry.service));
      item.classList.toggle("cancelled", entry.cancelled_by !== null);
    }
    $("#empty").hidden = day.entries.length > 0;
  }
  if (held) {
    $("#held").replaceChildren();
    for (const entry of held.held) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: t("counter.settle") });
      button.addEventListener("click", () => {
        settling = entry;
        $("#settling").hidden = false;
        $("#settling span").textContent = `${t("counter.settling")} ${entry.alias} · ${label(entry.service)} · ${entry.service_date}`;
        code.focus();
      });
      row($("#held"), clock(entry.at), `? ${entry.alias}`, label(entry.service), button);
    }
  }
  if (status) {
    const ages = status.offices.map((office) => `${office.name}: ${t(`counter.age_${office.data_age ?? "stale"}`)}`);
    const waiting = status.pending > 0 ? `${status.pending} ${t("counter.waiting")}` : t("counter.all_sent");
    const suspect = status.clock.state === "suspect" ? [t("counter.clock_suspect")] : [];
    $("#state").textContent = [...suspect, waiting, ...ages].join(" · ");
  }
}

async function exchange(button, work) {
  button.disabled = true;
  $("#state").textContent = t("counter.exchanging");
  const answer = await work();
  button.disabled = false;
  await refresh();
  if (answer.status >= 400) $("#state").textContent = answer.detail ?? t("page.unreachable");
}

async function download(office) {
  const response = await fetch(`/api/v1/exchange/outbound?office=${encodeURIComponent(office)}`, { method: "POST" });
  if (!response.ok) {
    $("#state").textContent = (await response.json()).detail;
    return;
  }
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await response.blob()), download: `claims-${office}.age` });
  link.click();
  URL.revokeObjectURL(link.href);
}

form.addEventListener("submit", submit);
form.addEventListener("change", (event) => {
  if (event.target.name === "service") {
    localStorage.setItem("service", event.target.value);
    showDetails();
    code.focus();
  }
  if (event.target.name === "service_date") event.target.classList.toggle("set", event.target.value !== "");
});
undo.addEventListener("click", undoLast);
hold.querySelector("button").addEventListener("click", holdLast);
$("#settling button").addEventListener("click", stopSettling);
$("#exchange").addEventListener("click", (event) => exchange(event.target, () => ask("/api/v1/exchange", {}, 1)));
$("#upload").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) exchange($("#exchange"), () => ask("/api/v1/exchange/inbound", file, 1));
  event.target.value = "";
});
for (const button of document.querySelectorAll("[data-office]")) button.addEventListener("click", () => download(button.dataset.office));

// A hand scanner types wherever the cursor is: keep it in the field, except while somebody types elsewhere.
document.addEventListener("click", (event) => {
  if (!event.target.closest("input, label, summary, a")) code.focus();
});

const remembered = localStorage.getItem("service");
if (remembered) {
  const input = form.querySelector(`input[name=service][value="${CSS.escape(remembered)}"]`);
  if (input) input.checked = true;
}
showDetails();
refresh();
setInterval(refresh, 30_000);
