// A tablet types the code of the box, or has it in its address from the QR code.

import { $, ask } from "./box.js";
import { t } from "./texts.js";

const form = $("#pairing");
const code = $("#pair-code");
const name = $("#pair-name");
const wrong = $("#pair-wrong");

function grouped(text) {
  const digits = text.replace(/\D/g, "").slice(0, 8);
  return digits.length > 4 ? `${digits.slice(0, 4)} ${digits.slice(4)}` : digits;
}

function say(text) {
  wrong.textContent = text;
  wrong.hidden = !text;
}

async function send(event) {
  event.preventDefault();
  say("");
  $("#pair-go").disabled = true;
  const answer = await ask("/api/v1/pairing", { code: code.value, name: name.value.trim() }, { tries: 1 });
  $("#pair-go").disabled = false;
  if (answer.ok) return location.assign("/");
  if (answer.status === 410) say(t("pair.gone"));
  else if (answer.status === 403) say(t("pair.wrong"));
  else if (answer.status === 409) say(t("pair.name_taken"));
  else if (answer.status === 429) say(t("pair.too_many"));
  else say(answer.detail);
  (answer.status === 409 ? name : code).select();
}

if (form) {
  code.value = grouped(location.hash.slice(1));
  // The code does not stay in the history of the browser.
  history.replaceState(null, "", location.pathname + location.search);
  code.addEventListener("input", () => {
    code.value = grouped(code.value);
  });
  form.addEventListener("submit", send);
  (code.value ? name : code).focus();
}
