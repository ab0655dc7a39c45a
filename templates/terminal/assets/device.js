// The exchange with the offices by hand: over the network, or as files on a stick.

import { $, ask, save, toast } from "./box.js";
import { refreshSoon } from "./lights.js";
import { lang, t } from "./texts.js";

async function exchange(work) {
  const button = $("#exchange");
  button.disabled = true;
  $("#exchanged").textContent = t("counter.exchanging");
  const answer = await work();
  button.disabled = false;
  $("#exchanged").textContent = answer.ok ? (answer.again_in_seconds ? answer.detail : t("counter.exchanged")) : (answer.detail ?? t("page.unreachable"));
  if (!answer.ok) toast($("#exchanged").textContent, "no");
  refreshSoon();
}

async function download(office) {
  try {
    const response = await fetch(`/api/v1/exchange/outbound?office=${encodeURIComponent(office)}`, { method: "POST" });
    if (response.ok) {
      save(await response.blob(), `claims-${office}.age`);
      $("#exchanged").textContent = t("counter.saved");
    } else {
      const problem = await response.json();
      toast(problem.what === "training" ? t("page.training_first") : (problem.message?.[lang] ?? problem.detail), "no");
    }
  } catch {
    toast(t("page.unreachable"), "no");
  }
}

async function useStick() {
  const button = $("#stick");
  button.disabled = true;
  const answer = await ask("/api/v1/exchange/stick", {}, { tries: 1 });
  button.disabled = false;
  const said = answer.ok ? t(answer.taken.length > 0 ? "counter.stick_both" : "counter.stick_written", { stick: answer.stick }) : answer.detail;
  $("#exchanged").textContent = said;
  if (!answer.ok) toast(said, "no");
  refreshSoon();
}

export function startDevice() {
  $("#stick").addEventListener("click", useStick);
  $("#exchange").addEventListener("click", () => exchange(() => ask("/api/v1/exchange", {}, { tries: 1 })));
  $("#upload").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) exchange(() => ask("/api/v1/exchange/inbound", file, { tries: 1 }));
    event.target.value = "";
  });
  for (const button of document.querySelectorAll("[data-office]")) button.addEventListener("click", () => download(button.dataset.office));
}
