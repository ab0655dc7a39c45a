// One day: filters, amounts on demand, Storno with a reason, closing. What changed is fetched as the page itself and put in place.

import { $, ask, newId, toast } from "./box.js";
import { onNews } from "./events.js";
import { lang, t } from "./texts.js";

const EVERY = 60_000;
const SOON = 700;
let amounts = false;
let sought = { hint: "", service: "", state: "" };
let cancelling = null;
let soon;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function filter() {
  let matching = 0;
  const lines = [...document.querySelectorAll("#shown li[data-state]")];
  for (const line of lines) {
    const { service, state, hint } = line.dataset;
    const fits = (!sought.service || service === sought.service) && (!sought.state || state === sought.state);
    line.hidden = !(fits && plain(hint).includes(plain(sought.hint)));
    matching += line.hidden ? 0 : 1;
  }
  const active = sought.hint || sought.service || sought.state;
  $("#matching").textContent = active ? t("day.matching", { count: matching, all: lines.length }) : "";
  const held = $("#held");
  if (held) held.hidden = ![...held.querySelectorAll("li")].some((line) => !line.hidden);
  if (active && lines.length > 0) $("#none").textContent = t("day.no_match");
  $("#none").hidden = [...document.querySelectorAll("#lines li")].some((line) => !line.hidden);
}

function showAmounts() {
  $("#sums").hidden = !amounts;
  for (const money of document.querySelectorAll("#lines .money")) money.hidden = !amounts;
  const button = $("#money");
  button.setAttribute("aria-expanded", String(amounts));
  button.textContent = t(amounts ? "day.hide_amounts" : "day.show_amounts");
}

function again() {
  const form = $("#filter");
  for (const [name, value] of Object.entries(sought)) {
    const field = form?.elements[name];
    if (field) field.value = value;
  }
  showAmounts();
  filter();
}

// The page as it is now, in place of what is shown. A page without a list asks for a PIN: then the browser goes there.
async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html", "X-By-Itself": "1" } });
    const now = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#shown");
    if (!now) return response.ok || response.redirected ? location.reload() : undefined;
    $("#shown").replaceWith(document.importNode(now, true));
    again();
  } catch {
    // The box does not answer: what is shown stays, and the next look comes.
  }
}

// Somebody who reads or types here must not lose their place.
const busy = () => document.querySelector("dialog[open]") !== null || $("#shown").contains(document.activeElement);

function said(answer) {
  if (answer.message?.[lang]) return answer.message[lang];
  if (answer.status === 0) return answer.detail;
  return t("day.failed");
}

function openCancel(line) {
  cancelling = { id: line.dataset.id, ask: newId() };
  const [time, who, what] = [".number", ".who", ".what"].map((part) => line.querySelector(part).textContent.trim());
  $("#cancel-what").textContent = [time, who, what].filter(Boolean).join(" · ");
  $("#cancel form").reset();
  $("#cancel-problem").hidden = true;
  $("#cancel").showModal();
}

async function cancel(event) {
  event.preventDefault();
  const button = $("#cancel .danger");
  button.disabled = true;
  const answer = await ask(`/api/v1/redemptions/${cancelling.id}/cancellation`, { reason: event.target.elements.reason.value });
  button.disabled = false;
  if (answer.verdict !== "cancelled") {
    $("#cancel-problem").textContent = said(answer);
    $("#cancel-problem").hidden = false;
    return;
  }
  $("#cancel").close();
  toast(t("day.cancelled_now"));
  await refresh();
  $("#lines-title").focus();
}

async function closeDay() {
  const button = $("#close-day");
  button.disabled = true;
  const answer = await ask(`/api/v1/days/${$("#shown").dataset.date}/closing`, {});
  button.disabled = false;
  if (!answer.ok) return toast(said(answer), "no");
  toast(t("day.closed_now"));
  await refresh();
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) return;
  if (pressed.id === "money") {
    amounts = !amounts;
    showAmounts();
  } else if (pressed.id === "close-day") closeDay();
  else if (pressed.matches("#lines .cancel")) openCancel(pressed.closest("li"));
  else if (pressed.matches("[data-close]")) pressed.closest("dialog").close();
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("#filter");
  if (!form) return;
  sought = { ...sought, ...Object.fromEntries(new FormData(form)) };
  filter();
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "filter") event.preventDefault();
});
$("#cancel form").addEventListener("submit", cancel);
$("#go input").addEventListener("change", (event) => {
  if (event.target.checkValidity()) event.target.form.submit();
});

again();
const look = () => busy() || document.hidden || refresh();
onNews(() => {
  clearTimeout(soon);
  soon = setTimeout(look, SOON);
});
setInterval(look, EVERY);
