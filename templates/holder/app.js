// The holder's page. It shows a code that only this phone can make, new every few seconds, with or without a network; and asks the office
// how things stand whenever there is one.

import { asking, joining, phoneCode, unbase32hex, unhex } from "./code.js";
import { canHold, makeKey } from "./keys.js";
import { all, forget, keep } from "./store.js";
import { change, day, euros, has, lang, moment, t } from "./texts.js";
import { encode } from "./vendor/uqr.js";

const EVERY_SECONDS = 20; // a third of the time a code is good for
const ASK_MS = 5 * 60_000;
const CLOCK_SECONDS = 15; // from here on the reader might refuse
const PATIENCE = 15_000;
const CHOSEN = "child"; // whose code was shown last
const QUIET_ZONE = 4;

const $ = (selector) => document.querySelector(selector);
let children = [];
let shown = null; // the child on the screen
let made = 0; // when its code was made, in seconds
let drawing = 0; // counts drawings, so that a late one draws nothing
let asked = 0;
let adding = false;
let pending = null; // {key, id}: a key whose invitation has not been answered yet

const now = () => Math.floor(Date.now() / 1000);

function say(element, text) {
  element.textContent = text;
  element.hidden = text === "";
}

const trouble = (key) => say($("#trouble"), key === "" ? "" : t(has(`${key}_trouble`) ? `${key}_trouble` : "other_trouble"));

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    return { what: "offline" };
  }
  const said = await answer.json().catch(() => ({}));
  return answer.ok ? { told: said } : { what: said.what ?? (answer.status >= 500 ? "offline" : "other") };
}

// The token that counts now; one that the office called early counts once its day has come.
const current = ({ told }) => {
  const seconds = now();
  return told.removed ? undefined : told.tokens.find((each) => ["valid", "early"].includes(each.state) && each.not_before <= seconds && seconds < each.expires);
};

// Why there is no code.
function why({ told }) {
  if (told.removed) return t("state_removed");
  const next = told.tokens.find((each) => each.not_before > now() && each.state !== "stopped") ?? told.tokens.at(-1);
  if (!next) return t("state_none");
  const state = next.expires <= now() ? "expired" : next.state;
  return t(`state_${state === "valid" ? "early" : state}`, { from: day(next.from), to: day(next.to) });
}

function draw(text) {
  const { data, size } = encode(text, { ecc: "L", boostEcc: true, border: QUIET_ZONE });
  const canvas = $("#code");
  const wide = Math.max(canvas.parentElement.clientWidth, 280) * (window.devicePixelRatio || 1);
  const scale = Math.max(2, Math.floor(wide / size));
  canvas.width = canvas.height = size * scale;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000";
  data.forEach((row, y) => row.forEach((dark, x) => dark && context.fillRect(x * scale, y * scale, scale, scale)));
  canvas.dataset.text = text;
}

async function showCode() {
  const token = shown && current(shown);
  $("#again").hidden = $("#moving").hidden = !token;
  say($("#state"), shown && !token ? why(shown) : "");
  if (!token) return;
  // Two taps within one second would make the same code.
  const seconds = Math.max(now(), made + 1);
  if (seconds > now() + 5) return;
  drawing += 1;
  const turn = drawing;
  const text = await phoneCode(shown.key, unhex(token.token), seconds);
  if (turn !== drawing) return;
  made = seconds;
  draw(text);
}

const amount = (measure, left) => ({ cents: () => euros(left), minutes: () => t("minutes_left", { number: left }) })[measure]?.() ?? String(left);

function showLeft({ told, at }) {
  const list = $("#left-list");
  const item = ({ benefit, detail, bounds }) => {
    const what = t(benefit) + (detail ? ` (${detail})` : "");
    const left = bounds.map(({ period, measure, left }) => t(period, { left: amount(measure, left) })).join(", ");
    return Object.assign(document.createElement("li"), { textContent: `${what}: ${left}` });
  };
  list.replaceChildren(...told.left.map(item));
  $("#left").hidden = told.removed || told.left.length === 0;
  $("#as-of").textContent = t("as_of", { time: moment(at) });
}

const nameOf = (child, at) => child.told.hint ?? t("child", { number: at + 1 });

function showChildren() {
  const make = (child, at) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: nameOf(child, at) });
    button.setAttribute("aria-pressed", String(child === shown));
    button.addEventListener("click", () => choose(child));
    return button;
  };
  $("#children").replaceChildren(...children.map(make));
  $("#children").hidden = children.length < 2;
}

function show() {
  document.documentElement.lang = lang;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-l]")) element.setAttribute("aria-label", t(element.dataset.l));
  Object.assign($("#language"), { textContent: t("other"), lang: lang === "de" ? "en" : "de" });
  showChildren();
  $("#show").hidden = shown === null;
  $("#more").hidden = shown === null;
  $("#join").hidden = shown !== null && !adding;
  showIphone();
  if (shown) {
    $("#who").textContent = `${nameOf(shown, children.indexOf(shown))} · ${shown.told.office}`;
    const token = current(shown);
    $("#valid").textContent = token ? t("valid", { from: day(token.from), to: day(token.to) }) : "";
    showLeft(shown);
  }
  showCode();
}

// An iPhone gives a page on the home screen a store of its own, and empties the browser's after a week.
function showIphone() {
  const inBrowser = "standalone" in navigator && navigator.standalone === false;
  const code = $("#invitation").value.trim();
  say($("#iphone"), inBrowser ? t("iphone", { code: code ? ` (${code})` : "" }) : "");
}

function choose(child) {
  shown = child;
  adding = $("#more").open = false;
  made = 0;
  try {
    if (child) localStorage.setItem(CHOSEN, String(child.id));
  } catch {
    // Then the first one is shown next time.
  }
  show();
}

function showClock(theirs) {
  const off = Math.abs(Date.now() / 1000 - theirs);
  const by = off >= 90 ? t("minutes", { number: Math.round(off / 60) }) : t("seconds", { number: Math.round(off) });
  say($("#clock"), off >= CLOCK_SECONDS ? t("clock", { by }) : "");
}

// Asks the office for every child. What was told last stays where it cannot be reached.
async function ask() {
  asked = Date.now();
  for (const child of children) {
    const { told, what } = await post("/handy/api/state", await asking(child.key, now()));
    if (told) {
      // A phone that was taken out is told nothing of the child any more; whose code it was, it still says.
      told.hint ??= child.told.hint;
      Object.assign(child, { told, at: Date.now() });
      await keep(child);
      if (child === shown) showClock(told.now);
    } else if (what === "unknown") {
      Object.assign(child.told, { removed: true });
      await keep(child);
    } else if (what === "clock" && child === shown) {
      say($("#clock"), t("clock_trouble"));
    }
  }
  if (children.length > 0) show();
}

async function add(text) {
  const secret = unbase32hex(text.replace(/[^0-9A-Za-z]/g, ""));
  if (secret?.length !== 10) return trouble("code");
  if (!canHold()) return trouble("secure");
  // The same key asks again, even after a reload: an answer may have been lost, and the invitation is for one phone.
  pending ??= { key: await makeKey() };
  try {
    pending.id = await keep(pending);
  } catch {
    return trouble("store");
  }
  const { told, what } = await post("/handy/api/phones", await joining(pending.key, secret));
  if (!told) return trouble(what);
  const child = Object.assign(pending, { told, at: Date.now() });
  await keep(child);
  pending = null;
  navigator.storage?.persist?.();
  children.push(child);
  $("#invitation").value = "";
  history.replaceState(null, "", "/handy/");
  say($("#said"), t("added"));
  choose(child);
  showClock(told.now);
}

function tick() {
  const age = now() - made;
  $("#left-of-code").value = Math.max(0, EVERY_SECONDS - age);
  if (document.visibilityState === "visible" && shown && (age >= EVERY_SECONDS || age < -5)) {
    if (age < -5) made = 0;
    showCode();
  }
  if (document.visibilityState === "visible" && Date.now() - asked > ASK_MS) ask();
}

async function stayAwake() {
  try {
    if (document.visibilityState === "visible" && shown) await navigator.wakeLock?.request("screen");
  } catch {
    // The browser or its battery does not want to.
  }
}

function fromLink() {
  const code = location.hash.slice(1);
  if (!/^[0-9A-Za-z-]{16,24}$/.test(code)) return;
  $("#invitation").value = code.replace(/[^0-9A-Za-z]/g, "").toUpperCase().replace(/(.{4})(?=.)/g, "$1-");
  adding = true;
  $("#more").open = true;
  show();
}

async function start() {
  try {
    const kept = await all();
    children = kept.filter(({ told }) => told);
    pending = kept.find(({ told }) => !told) ?? null;
  } catch {
    trouble(canHold() ? "store" : "secure");
  }
  let last = null;
  try {
    last = Number(localStorage.getItem(CHOSEN));
  } catch {
    // The first one, then.
  }
  shown = children.find(({ id }) => id === last) ?? children[0] ?? null;
  show();
  fromLink();
  ask();
  stayAwake();
  setInterval(tick, 1000);
}

$("#join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  trouble("");
  say($("#said"), "");
  const button = $("#join-form button");
  button.disabled = true;
  try {
    await add($("#invitation").value);
  } catch {
    trouble("other");
  }
  button.disabled = false;
});
$("#more").addEventListener("toggle", () => {
  adding = $("#more").open;
  $("#join").hidden = shown !== null && !adding;
});
$("#again").addEventListener("click", showCode);
$("#language").addEventListener("click", () => {
  change();
  show();
});
$("#forget").addEventListener("click", () => {
  const dialog = $("#sure");
  dialog.returnValue = "";
  dialog.showModal();
});
$("#sure").addEventListener("close", async () => {
  if ($("#sure").returnValue !== "yes" || !shown) return;
  await forget(shown.id);
  children = children.filter((child) => child !== shown);
  say($("#said"), t("forgotten"));
  choose(children[0] ?? null);
});
document.addEventListener("visibilitychange", () => {
  tick();
  stayAwake();
  if (document.visibilityState === "visible" && Date.now() - asked > 10_000) ask();
});
window.addEventListener("online", ask);
window.addEventListener("hashchange", fromLink);
window.addEventListener("resize", () => made > 0 && shown && draw($("#code").dataset.text));
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/handy/sw.js", { scope: "/handy/" }).catch(() => {});
start();
