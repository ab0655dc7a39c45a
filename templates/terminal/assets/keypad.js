// The card number on big keys. The check digit is looked at while typing, so that a slip is found before the box is asked.

import { $ } from "./box.js";
import { t } from "./texts.js";
import { isCardNumber } from "./wedge.js";

const LENGTH = 12;

const dialog = $("#keypad");
const field = $("#number");
const help = $("#number-help");
const go = $("#number-go");

const plain = () => field.value.replace(/[\s-]/g, "");

// Neighbours that were exchanged: the first place of a pair whose exchange makes the number right.
function exchanged(digits) {
  for (let at = 0; at < LENGTH - 1; at += 1) {
    const other = digits.slice(0, at) + digits[at + 1] + digits[at] + digits.slice(at + 2);
    if (other !== digits && isCardNumber(other)) return at + 1;
  }
  return 0;
}

// What is to be said of what has been typed so far.
export function slip(text) {
  if (text === "") return { text: t("counter.number_hint") };
  if (!/^\d*$/.test(text)) return { wrong: true, text: t("counter.number_digits") };
  if (text.length < LENGTH) return { text: t("counter.number_left", { left: LENGTH - text.length }) };
  if (text.length > LENGTH) return { wrong: true, text: t("counter.number_long", { more: text.length - LENGTH }) };
  if (isCardNumber(text)) return { right: true, text: t("counter.number_right") };
  const at = exchanged(text);
  return { wrong: true, text: at > 0 ? t("counter.number_exchanged", { one: at, two: at + 1 }) : t("counter.number_wrong") };
}

function show() {
  const digits = plain();
  if (/^\d*$/.test(digits)) field.value = digits.replace(/(\d{4})(?=\d)/g, "$1 ");
  const { wrong = false, right = false, text } = slip(digits);
  help.textContent = text;
  help.className = wrong ? "warn" : right ? "good" : "quiet";
  field.setAttribute("aria-invalid", String(wrong));
  go.disabled = !right;
}

function press(event) {
  const key = event.target.closest("button")?.value;
  if (key === "cancel") dialog.close("");
  else if (key === "back") field.value = plain().slice(0, -1);
  else if (/^\d$/.test(key ?? "") && plain().length < LENGTH) field.value = plain() + key;
  else return;
  show();
}

// Opens the pad. Resolves to twelve digits whose check digit is right, or null.
export function typeNumber() {
  field.value = "";
  dialog.returnValue = "";
  show();
  dialog.showModal();
  field.focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "go" ? plain() : null), { once: true });
  });
}

dialog.addEventListener("click", press);
field.addEventListener("input", show);
$("form", dialog).addEventListener("submit", (event) => {
  event.preventDefault();
  if (isCardNumber(plain())) dialog.close("go");
});
