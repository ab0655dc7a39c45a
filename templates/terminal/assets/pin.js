// The PIN pad: one dialog on every page. It tells nobody which PIN was wrong, counts a pause down, and takes no scan for a PIN.

import { t } from "./texts.js";

const dialog = document.getElementById("pin");
const digits = document.getElementById("pin-digits");
const why = document.getElementById("pin-why");
const count = document.getElementById("pin-count");
const cancel = dialog.querySelector("[value=cancel]");
let waiting = null;
let ticking = 0;

// Nobody types this fast, in milliseconds from key to key; a scanner does.
const SCANNED = 25;
let lastKey = 0;
let fast = 0;

function pause(seconds) {
  clearInterval(ticking);
  const until = Date.now() + seconds * 1000;
  const keys = [digits, ...dialog.querySelectorAll(".pad button")];
  for (const key of keys) key.disabled = true;
  count.hidden = false;
  why.textContent = t("page.pin_wait", { seconds });
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    count.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) return;
    clearInterval(ticking);
    count.hidden = true;
    for (const key of keys) key.disabled = false;
    why.textContent = t("page.pin_again");
    digits.focus();
  };
  tick();
  ticking = setInterval(tick, 250);
}

async function send() {
  if (digits.value === "" || digits.disabled) return;
  const pin = digits.value;
  digits.value = "";
  let response;
  try {
    const headers = { "Content-Type": "application/json" };
    response = await fetch("/api/v1/session/pin", { method: "POST", headers, body: JSON.stringify({ pin }) });
    // After a restart of the box the old session is gone; the PIN is shown to a new one.
    if (response.status === 401 && (await fetch("/api/v1/session", { method: "POST" })).ok) {
      response = await fetch("/api/v1/session/pin", { method: "POST", headers, body: JSON.stringify({ pin }) });
    }
  } catch {
    why.textContent = t("page.unreachable");
    return;
  }
  if (response.ok) return dialog.close("right");
  if (response.status === 429) return pause(Number(response.headers.get("Retry-After")) || 30);
  // The box takes the highest PIN again after so long; the others go on.
  const seconds = Number(response.headers.get("Retry-After"));
  why.textContent = seconds > 0 ? t("page.pin_guarded", { minutes: Math.ceil(seconds / 60) }) : t("page.pin_wrong");
  digits.focus();
}

function press(event) {
  const key = event.target.closest("button")?.value;
  if (key === undefined) return;
  event.preventDefault();
  if (key === "back") digits.value = digits.value.slice(0, -1);
  else if (key === "cancel") dialog.close("");
  else if (key === "go") send();
  else if (digits.value.length < 8) digits.value += key;
}

// Keys that come as fast as a scanner's, or that are no digits, are no PIN: they must not count as a wrong one.
function typed(event) {
  const quick = event.timeStamp - lastKey < SCANNED;
  lastKey = event.timeStamp;
  fast = quick ? fast + 1 : 0;
  const scanned = fast >= 3;
  if (event.key === "Enter") {
    event.preventDefault();
    if (!scanned) return send();
    digits.value = "";
    why.textContent = t("page.pin_scan");
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && (scanned || !/[0-9]/.test(event.key))) {
    event.preventDefault();
    if (scanned) digits.value = "";
  }
}

// Asks for a PIN; true when the right one was shown. Two questions at once share one pad. A locked box offers no way around it.
export function askPin({ locked = false } = {}) {
  waiting ??= new Promise((done) => {
    why.textContent = locked ? t("page.pin_locked") : t("page.pin_why");
    cancel.hidden = locked;
    digits.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    digits.focus();
    dialog.addEventListener("close", () => {
      waiting = null;
      done(dialog.returnValue === "right");
    }, { once: true });
  });
  return waiting;
}

dialog.addEventListener("click", press);
dialog.addEventListener("submit", (event) => event.preventDefault());
dialog.addEventListener("cancel", (event) => {
  if (cancel.hidden) event.preventDefault();
});
digits.addEventListener("keydown", typed);
