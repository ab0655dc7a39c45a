// The PIN pad: one dialog on every page. It tells nobody which PIN was wrong, and waits when the box says so.

import { t } from "./texts.js";

const dialog = document.getElementById("pin");
const digits = document.getElementById("pin-digits");
const why = document.getElementById("pin-why");
let waiting = null;

async function send() {
  const response = await fetch("/api/v1/session/pin", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ pin: digits.value }),
  });
  digits.value = "";
  if (response.ok) return dialog.close("right");
  why.textContent = response.status === 429 ? t("page.pin_wait", { seconds: response.headers.get("Retry-After") }) : t("page.pin_wrong");
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

// Asks for a PIN; true when the right one was shown. Two questions at once share one pad.
export function askPin() {
  waiting ??= new Promise((done) => {
    why.textContent = t("page.pin_why");
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
digits.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    send();
  }
});
