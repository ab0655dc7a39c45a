// PINs being set, changed and taken away, on the set-up's step and in the settings.

import { $, ask } from "./box.js";
import { t } from "./texts.js";

const wrong = $("[data-pins-wrong]");

function complain(text) {
  wrong.textContent = text;
  wrong.hidden = text === "";
}

async function change(role, pin) {
  complain("");
  const answer = await ask("/api/v1/pins", { role, pin });
  if (answer.ok) location.reload();
  else complain(answer.status === 409 ? t("pins.manage_first") : answer.status === 422 ? t("pins.four_to_eight") : answer.detail);
}

for (const row of document.querySelectorAll(".pin-row")) {
  row.addEventListener("submit", (event) => {
    event.preventDefault();
    const pin = row.elements.pin.value.trim();
    if (/^[0-9]{4,8}$/.test(pin)) change(row.dataset.role, pin);
    else {
      complain(t("pins.four_to_eight"));
      row.elements.pin.focus();
    }
  });
  $("[data-remove]", row)?.addEventListener("click", () => change(row.dataset.role, null));
}
