// A chip is taught to a card: scan the code, then hold the chip to the reader.

import { $, ask } from "./box.js";
import { lang, t } from "./texts.js";
import { onScan, ours } from "./wedge.js";

const dialog = $("#chip");
const step = $("#chip-step");
const said = $("#chip-said");
let code = null;

function begin() {
  code = null;
  dialog.dataset.step = "1";
  step.textContent = t("counter.chip_code");
}

async function teach(uid) {
  const answer = await ask("/api/v1/chips", { uid, code });
  if (answer.verdict === "taught") {
    said.className = "good";
    said.textContent = t("counter.chip_taught", { hint: answer.hint ?? "" });
  } else {
    said.className = "warn";
    said.textContent = answer.message?.[lang] ?? answer.detail ?? t("counter.unknown_answer");
  }
  begin();
}

function scanned(text) {
  said.textContent = "";
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
    teach(text);
  }
}

export function startChips() {
  $("#teach").addEventListener("click", () => {
    said.textContent = "";
    begin();
    dialog.showModal();
    const stop = onScan(scanned);
    dialog.addEventListener("close", stop, { once: true });
  });
}
