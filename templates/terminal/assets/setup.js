// The set-up: what was typed is kept, each step is stored before the next one opens.

import { $, ask, save, toast } from "./box.js";
import { t } from "./texts.js";
import "./pins.js";
import { onScan } from "./wedge.js";

const wizard = $(".wizard");
const { step, next } = wizard.dataset;

function complain(text) {
  const wrong = $("#wrong");
  wrong.textContent = text;
  wrong.hidden = text === "";
}

async function goOn(settings = {}) {
  const answer = await ask("/api/v1/settings", { ...settings, set_up: next });
  if (answer.ok) location.assign("/setup");
  else toast(answer.detail, "no");
}

async function finish(place) {
  const answer = await ask("/api/v1/settings", { set_up: "done" });
  if (answer.ok) location.assign(place);
}

function submits(form, send) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

// ---- language, name, services

const speaks = $("#language");
submits(speaks, (form) => goOn({ language: form.elements.language.value }));
speaks?.addEventListener("change", () => location.assign(`/setup?step=language&lang=${speaks.elements.language.value}`));
submits($("#name"), (form) => goOn({ name: form.elements.name.value }));
submits($("#services"), (form) => goOn({ service: form.elements.service?.value ?? "" }));
for (const button of document.querySelectorAll("[data-go]")) button.addEventListener("click", () => goOn());
$("#later")?.addEventListener("click", () => finish("/"));

// ---- office

const office = $("#office");
const CODE_LENGTH = 33;

const plain = (text) => text.replace(/[^0-9a-z]/gi, "").toUpperCase();
const grouped = (code) => code.replace(/(.{4})(?=.)/g, "$1 ");

// What is wrong with a code so far; empty while nothing is.
function wrongWith(code) {
  if (/^BUT[12]/.test(code)) return t("setup.code_card");
  if (/^[0-9]{6,12}$/.test(code)) return t("setup.code_number");
  if (code !== "" && !code.startsWith("E")) return t("setup.code_letter");
  const strange = code.slice(1).match(/[W-Z]/);
  if (strange) return t("setup.code_strange", { letter: strange[0] });
  if (code.length > CODE_LENGTH) return t("setup.code_long", { count: code.length });
  return "";
}

function checkCode() {
  const field = office.elements.code;
  const code = plain(field.value);
  const wrong = wrongWith(code);
  const state = $("#code-state");
  const whole = wrong === "" && code.length === CODE_LENGTH;
  field.classList.toggle("whole", whole);
  field.classList.toggle("wrong", wrong !== "");
  field.setAttribute("aria-invalid", String(wrong !== ""));
  state.className = wrong ? "warn" : whole ? "good" : "quiet";
  if (wrong) state.textContent = wrong;
  else if (whole) state.textContent = t("setup.code_whole");
  else state.textContent = code === "" ? t("setup.code_hint") : t("setup.code_count", { count: code.length });
  return whole;
}

function keepTyped() {
  sessionStorage.setItem("setup", JSON.stringify({ url: office.elements.url.value, code: office.elements.code.value }));
}

// Groups while typing, with the caret where it was; deleting is left alone.
function typed(event) {
  const field = office.elements.code;
  if (!event.inputType?.startsWith("delete") && field.selectionEnd === field.value.length) field.value = grouped(plain(field.value)).slice(0, 80);
  checkCode();
  keepTyped();
}

// A slip carries the code, or the code and the address, in one picture.
function takeSlip(text) {
  const words = text.trim().split(/\s+/);
  const url = words.find((word) => word.includes("://"));
  const code = plain(words.filter((word) => word !== url).join(""));
  const wrong = wrongWith(code) || (code.length === CODE_LENGTH ? "" : t("setup.scan_other"));
  if (wrong) return complain(wrong);
  complain("");
  office.elements.code.value = grouped(code);
  if (url) office.elements.url.value = url.toLowerCase();
  checkCode();
  keepTyped();
  const said = $("#scanned");
  said.hidden = false;
  said.textContent = url ? t("setup.scanned_both") : t("setup.scanned_code");
  (office.elements.url.value === "" ? office.elements.url : $(".go", office)).focus();
  return true;
}

function complete({ address }) {
  const { url, code } = office.elements;
  if (address && url.value.trim() === "") {
    complain(t("setup.wrong_address"));
    url.focus();
    return false;
  }
  if (!checkCode()) {
    complain(wrongWith(plain(code.value)) || t("setup.wrong_code"));
    code.focus();
    return false;
  }
  complain("");
  return true;
}

async function admitted(answer) {
  if (!answer.ok) {
    complain(answer.what ? t(`setup.wrong_${answer.what}`) : answer.detail);
    if (["unreachable", "proxy"].includes(answer.what)) $("#by-file").open = true;
    return;
  }
  sessionStorage.removeItem("setup");
  if (wizard.dataset.further) location.assign(wizard.dataset.further);
  else await goOn();
}

const given = () => ({
  url: office.elements.url.value.trim(),
  code: office.elements.code.value,
  another_root: office.elements.another_root?.checked ?? false,
});

async function whileBusy(work) {
  const [button, busy] = [$(".go", office), $("#busy")];
  button.disabled = true;
  busy.hidden = false;
  await work();
  button.disabled = false;
  busy.hidden = true;
}

async function saveRequest() {
  if (!complete({ address: false })) return;
  // Changes nothing, but asks for the PIN where one is needed.
  if (!(await ask("/api/v1/settings", {})).ok) return;
  const response = await fetch("/api/v1/offices/request", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given()),
  });
  if (response.ok) return save(await response.blob(), "anmeldung.cbor");
  admitted({ ok: false, ...(await response.json()) });
}

async function takeFile(input) {
  const [file] = input.files;
  input.value = "";
  if (!file || !complete({ address: false })) return;
  const answer = await file.text();
  await whileBusy(async () => admitted(await ask("/api/v1/offices/answer", { ...given(), answer })));
}

async function requestToStick() {
  if (!complete({ address: false })) return;
  const answer = await ask("/api/v1/offices/request", { ...given(), stick: true }, { tries: 1 });
  if (answer.ok) toast(t("setup.file_on_stick", { stick: answer.stick }));
  else admitted(answer);
}

async function answerFromStick() {
  if (!complete({ address: false })) return;
  await whileBusy(async () => admitted(await ask("/api/v1/offices/answer", { ...given(), stick: true }, { tries: 1 })));
}

async function useCamera() {
  const { openCamera } = await import("./camera.js");
  await openCamera((text, close) => takeSlip(text) && close());
}

if (office) {
  const kept = JSON.parse(sessionStorage.getItem("setup") ?? "null");
  if (kept) {
    office.elements.url.value = kept.url || office.elements.url.value;
    office.elements.code.value = kept.code || office.elements.code.value;
  }
  if (office.elements.code.value !== "") checkCode();
  office.elements.code.addEventListener("input", typed);
  office.elements.code.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    office.requestSubmit();
  });
  office.elements.url.addEventListener("input", keepTyped);
  submits(office, () => complete({ address: true }) && whileBusy(async () => admitted(await ask("/api/v1/offices", given(), { tries: 1 }))));
  $("#request").addEventListener("click", saveRequest);
  $("#answer").addEventListener("change", (event) => takeFile(event.target));
  $("#request-stick").addEventListener("click", requestToStick);
  $("#answer-stick").addEventListener("click", answerFromStick);
  $("#camera").addEventListener("click", useCamera);
  onScan(takeSlip);
}

// ---- scanner

async function tryScan(text) {
  const read = $("#read");
  if (text.trim() === "") return;
  const answer = await ask("/api/v1/checks", { code: text, service: $("#scanner").dataset.service });
  if (answer.verdict === undefined) read.textContent = answer.detail;
  else if (answer.practice || answer.verdict === "accepted") read.textContent = t("setup.scanner_good");
  else if (answer.reason === "wrong_layout") read.textContent = t("setup.scanner_layout");
  else if (answer.reason === "malformed") read.textContent = t("setup.scanner_bad");
  else read.textContent = t("setup.scanner_other");
  read.className = answer.practice || answer.verdict === "accepted" ? "good" : "warn";
  $("#scanner").elements.text.value = "";
}

if (step === "scanner") {
  submits($("#scanner"), (form) => tryScan(form.elements.text.value));
  onScan(tryScan);
}

// ---- end

$("#start")?.addEventListener("click", () => finish("/"));
$("#practise")?.addEventListener("click", async () => {
  await ask("/api/v1/settings", { set_up: "done" });
  const answer = await ask("/api/v1/session/training", { on: true });
  location.assign(answer.ok ? "/training" : "/");
});
