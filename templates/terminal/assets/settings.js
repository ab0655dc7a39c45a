// The settings: of the box, of this screen, of the offices; and a look whether all is well.

import { $, ask, toast } from "./box.js";
import "./pins.js";
import { t } from "./texts.js";

async function store(settings) {
  const answer = await ask("/api/v1/settings", settings);
  toast(answer.ok ? t("settings.saved") : answer.detail, answer.ok ? "" : "no");
  return answer.ok;
}

// ---- the box

$("#box")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, language, service } = event.target.elements;
  if (await store({ name: name.value, language: language.value, service: service.value })) $(".bar .place").textContent = name.value || $(".bar .place").textContent;
});

$("#lock-after")?.addEventListener("submit", (event) => {
  event.preventDefault();
  store({ lock_minutes: Number(event.target.elements.minutes.value) });
});

// ---- this screen: kept by the browser, for each screen stands elsewhere

$("#theme")?.addEventListener("change", (event) => {
  const theme = event.target.value;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=strict`;
  document.documentElement.dataset.theme = theme;
});

const sound = $("#sound");
const volume = $("#volume");
if (sound) {
  sound.checked = localStorage.getItem("sound") !== "off";
  volume.value = localStorage.getItem("volume") ?? "70";
  sound.addEventListener("change", () => localStorage.setItem("sound", sound.checked ? "on" : "off"));
  volume.addEventListener("change", () => localStorage.setItem("volume", volume.value));
}

// ---- offices

for (const office of document.querySelectorAll(".office")) {
  office.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = $("[role=alert]", office);
    const answer = await ask(`/api/v1/offices/${office.dataset.office}/address`, { url: office.elements.url.value });
    wrong.hidden = answer.ok;
    wrong.textContent = answer.ok ? "" : answer.what === "address" ? t("setup.wrong_address") : answer.detail;
    if (!answer.ok) return;
    office.elements.url.value = answer.url;
    toast(t("settings.saved"));
  });
}

$("#exchange")?.addEventListener("click", async (event) => {
  const said = $("#exchanged");
  event.target.disabled = true;
  said.hidden = false;
  said.className = "quiet";
  said.textContent = t("settings.exchanging");
  const answer = await ask("/api/v1/exchange", undefined, { tries: 1 });
  event.target.disabled = false;
  said.className = answer.ok ? "good" : "warn";
  said.textContent = answer.ok ? (answer.again_in_seconds ? answer.detail : t("settings.exchanged")) : t("settings.not_exchanged");
});

// ---- whether all is well

$("#checkup")?.addEventListener("click", async (event) => {
  event.target.disabled = true;
  const answer = await ask("/api/v1/checkup", undefined, { method: "GET" });
  event.target.disabled = false;
  const rows = (answer.checks ?? []).map(({ check, ok }) => {
    const row = document.createElement("li");
    const tag = Object.assign(document.createElement("span"), { className: `tag ${ok ? "yes" : "no"}`, textContent: ok ? t("settings.well") : t("settings.look") });
    row.append(tag, t(`settings.check_${check.replace(" ", "_")}_${ok ? "well" : "wrong"}`));
    return row;
  });
  $("#checks").replaceChildren(...rows);
  if (!answer.ok) toast(answer.detail, "no");
});

$("#finish")?.addEventListener("click", async () => {
  if ((await ask("/api/v1/session/training", { on: false })).ok) location.reload();
});
