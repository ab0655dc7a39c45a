// The way to the box: every request, with what to do when the box was restarted, a PIN is needed, or nothing answers.

import { askPin } from "./pin.js";
import { lang, t } from "./texts.js";

export const $ = (selector, within = document) => within.querySelector(selector);

export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// Whether this page shows itself as training; the box answers only while that is so.
const training = document.body.classList.contains("training");

async function answered(path, { patience, ...init }) {
  const headers = { ...init.headers, "X-Training": training ? "1" : "0" };
  const response = await fetch(path, { ...init, headers, ...(patience ? { signal: AbortSignal.timeout(patience) } : {}) });
  const text = await response.text();
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { detail: text.slice(0, 300) };
  }
  if (body.what === "training_began" || body.what === "training_ended") {
    location.reload();
    return new Promise(() => {});
  }
  // This tablet is not connected, or not any more.
  if (body.what === "not_paired") {
    location.assign("/pair");
    return new Promise(() => {});
  }
  if (body.what === "training") body.detail = t("page.training_first");
  return { ...body, detail: body.message?.[lang] ?? body.detail, status: response.status, ok: response.ok };
}

// A new session after a restart of the box; a page in training goes on practising, never at the real box.
async function begun() {
  const session = await fetch("/api/v1/session", { method: "POST" });
  if (!session.ok || !training) return session.ok;
  const headers = { "Content-Type": "application/json" };
  await fetch("/api/v1/session/training", { method: "POST", headers, body: JSON.stringify({ on: true }) });
  return true;
}

// One request. A page whose session ended with the process gets a new one and goes on; a PIN is asked for where it is needed.
async function once(path, init) {
  let answer = await answered(path, init);
  if (answer.status === 401) {
    if (await begun()) answer = await answered(path, init);
  }
  if (answer.status === 403 && answer.role && (await askPin())) answer = await answered(path, init);
  return answer;
}

// Asks the box to do something. A lost answer is asked for again: the body carries an id, so that nothing is done twice.
// What nobody answers, or not within `patience` milliseconds, has status 0.
export async function ask(path, body, { tries = 3, method = "POST", patience } = {}) {
  const raw = body instanceof Blob || body === undefined;
  const init = { patience, method, headers: raw ? {} : { "Content-Type": "application/json" }, body: raw ? body : JSON.stringify(body) };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(path, init);
    } catch {
      if (attempt >= tries) return { status: 0, ok: false, detail: t("page.unreachable") };
      await new Promise((wake) => setTimeout(wake, 500 * attempt));
    }
  }
}

// Looks at something without touching the box, so that it may lock itself; null where it cannot be had.
export async function look(path) {
  try {
    const init = { headers: { "X-By-Itself": "1" } };
    let answer = await answered(path, init);
    if (answer.status === 401 && (await begun())) answer = await answered(path, init);
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}

// Says something for a moment, for eyes and screen readers.
let fading;
export function toast(text, kind = "") {
  const place = $("#toast");
  place.textContent = text;
  place.className = `shown ${kind}`;
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.remove("shown"), 6000);
}

// Saves bytes under a name, as a click on a link would.
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
