// The month: choosing it, what came back is agreed to or corrected. The box decides; here is only asked.

import { $, ask, newId, toast } from "./box.js";
import { lang, t } from "./texts.js";

const dialog = $("#correct");
const form = $("#correct form");
let correcting = null;

function said(answer) {
  if (answer.message?.[lang]) return answer.message[lang];
  if (answer.status === 0) return answer.detail;
  if (answer.status === 409) return t("month.changed_meanwhile");
  if (answer.status === 422) return t("month.check_input");
  return t("month.failed");
}

// What is typed as 12,50 becomes 1250.
function cents(text) {
  const match = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  return match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : NaN;
}

const kind = () => form.elements.service.selectedOptions[0]?.dataset.kind ?? "fixed";

function showKind() {
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind();
}

function problem(text) {
  $("#correct-problem").textContent = text;
  $("#correct-problem").hidden = text === "";
}

function openCorrect(line) {
  correcting = line.dataset;
  $("#correct-what").textContent = line.querySelector(".what").textContent.replace(/\s+/g, " ").trim();
  for (const option of form.elements.service.options) {
    const ours = option.dataset.office === correcting.office;
    option.hidden = option.disabled = !ours;
    option.selected = ours && option.value === correcting.service;
  }
  form.elements.day.value = correcting.day;
  form.elements.amount.value = correcting.amount;
  form.elements.starts.value = correcting.starts;
  form.elements.ends.value = correcting.ends;
  problem("");
  showKind();
  dialog.showModal();
}

async function correct(event) {
  event.preventDefault();
  const { service, day, amount, starts, ends } = form.elements;
  const body = { ask: newId(), service: service.value, service_date: day.value };
  // What was not touched stays as it was, with what waits of it for the next card.
  const same = amount.value === correcting.amount && service.value === correcting.service;
  if (kind() === "free" && !same) body.cents = cents(amount.value);
  if (kind() === "lesson") Object.assign(body, { starts_at: starts.value, ends_at: ends.value });
  if (Number.isNaN(body.cents)) return problem(t("month.amount_like"));
  const button = form.querySelector("button[value=do]");
  button.disabled = true;
  const answer = await ask(`/api/v1/redemptions/${correcting.id}/correction`, body);
  button.disabled = false;
  if (answer.verdict !== "accepted") return problem(answer.verdict === "refused" ? `${answer.message[lang]} ${t("month.as_before")}` : said(answer));
  dialog.close();
  toast(t("month.corrected"));
  location.reload();
}

async function agree(line, button) {
  button.disabled = true;
  const answer = await ask(`/api/v1/redemptions/${line.dataset.id}/acceptance`, {});
  button.disabled = false;
  if (answer.verdict !== "agreed") return toast(said(answer), "no");
  line.remove();
  toast(t("month.agreed_now"));
  if ($("#returned li")) $("#returned-title").focus();
  else location.reload();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const line = button?.closest("li[data-id]");
  if (line && button.matches(".correct")) openCorrect(line);
  else if (line && button.matches(".agree")) agree(line, button);
  else if (button?.matches("[data-close]")) button.closest("dialog").close();
});
form.addEventListener("submit", correct);
form.elements.service.addEventListener("change", showKind);
$("#go select").addEventListener("change", (event) => event.target.form.submit());
$("#filter").addEventListener("change", (event) => event.currentTarget.submit());
