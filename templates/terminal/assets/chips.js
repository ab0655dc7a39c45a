// A chip is taught to a card: scan the code, then hold the chip to the reader.

import { $, ask } from "./box.js";
import { lang, t } from "./texts.js";
import { onScan, ours } from "./wedge.js";

const dialog = $("#chip");
const step = $("#chip-step");
const said = $("#chip-said");
const move = $("#chip-move");
let code = null;
let taken = null; // whose chip it is, was said; what to ask to move it

function begin() {
  code = null;
  dialog.dataset.step = "1";
  step.textContent = t("counter.chip_code");
}

function free() {
  taken = null;
  move.hidden = true;
}

async function teach(body) {
  free();
  const answer = await ask("/api/v1/chips", body);
  if (answer.verdict === "taught") {
    said.className = "good";
    said.textContent = t("counter.chip_taught", { hint: answer.hint ?? "" });
  } else {
    said.className = "warn";
    said.textContent = answer.message?.[lang] ?? answer.detail ?? t("counter.unknown_answer");
    if (answer.verdict === "taken") {
      taken = body;
      move.hidden = false;
    }
  }
  begin();
}

function scanned(text) {
  said.textContent = "";
  free();
  if (code === null) {
    if (ours(text) === null) {
      said.className = "warn";
      said.textContent = t("counter.chip_code_first");
      return;
    }
    code = text;
    dialog.dataset.step = "2";
    step.textContent = t("counter.chip_hold");
  } else if (ours(text)?.length > 12) {
    said.className = "warn";
    said.textContent = t("counter.chip_not_a_code");
  } else {
    teach({ uid: text, code });
  }
}

export function startChips() {
  move.addEventListener("click", () => taken && teach({ ...taken, replace: true }));
  $("#teach").addEventListener("click", () => {
    said.textContent = "";
    free();
    begin();
    dialog.showModal();
    const stop = onScan(scanned);
    dialog.addEventListener("close", stop, { once: true });
  });
}
