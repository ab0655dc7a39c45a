// Scans wait here, in order, until the box has answered each. They are kept in the browser with their ask ids, so that neither a
// reload nor a box without power loses one, and an answer that was lost on the way books nothing twice.

import { ask, newId } from "./box.js";
import { berlinDay } from "./texts.js";

const PREFIX = "waiting.";
const PAUSES = [1000, 2000, 3000, 5000]; // between tries, in milliseconds
const PATIENCE = 10_000;
const MOST_TRIES_OF_A_BUG = 3; // what the program itself fails at lets the others pass

const training = document.body.classList.contains("training");
const kept = new Map(); // where the browser stores nothing, they are kept here at least
let me = "";
let listener = { waiting() {}, answered() {} };
let running = false;
let added = false; // something was added while the store was looked through
let wake = () => {};
let last = 0;

function keep(item) {
  kept.set(item.key, item);
  try {
    localStorage.setItem(item.key, JSON.stringify(item));
  } catch {
    // A full or forbidden store: this page's memory has to do.
  }
}

function forget(item) {
  kept.delete(item.key);
  try {
    localStorage.removeItem(item.key);
  } catch {
    // It was never there.
  }
}

function read(key) {
  try {
    const item = JSON.parse(localStorage.getItem(key));
    return item?.body && item.path ? item : null;
  } catch {
    return null;
  }
}

// All that waits in this browser, the oldest first.
function all() {
  const items = new Map(kept);
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX) && !items.has(key)) items.set(key, read(key));
  } catch {
    // Memory only.
  }
  return [...items.values()].filter((item) => item !== null && item.training === training).sort((a, b) => (a.key < b.key ? -1 : 1));
}

// This page's own, and those whose page was closed.
async function mine() {
  const items = all();
  // Who else is there is asked only where something of somebody else lies: it is a way out of this process and back.
  if (!navigator.locks || items.every((item) => item.owner === me)) return items;
  const { held } = await navigator.locks.query();
  const alive = new Set(held.map((lock) => lock.name));
  return items.filter((item) => item.owner === me || !alive.has(item.owner));
}

// A name for this page that lives as long as it, and returns when it is loaded again.
async function name() {
  me = sessionStorage.getItem("page") ?? `page.${newId()}`;
  if (navigator.locks) {
    const got = await new Promise((done) => {
      navigator.locks.request(me, { ifAvailable: true }, (lock) => {
        done(lock !== null);
        return lock ? new Promise(() => {}) : undefined;
      });
    });
    if (!got) {
      me = `page.${newId()}`;
      navigator.locks.request(me, () => new Promise(() => {}));
    }
  }
  sessionStorage.setItem("page", me);
}

// What waited past midnight was given on the day it was scanned.
function bodyOf({ path, body, at }) {
  const dated = /\/(redemptions|held)$/.test(path) && body.service && body.service_date === undefined && body.held === undefined;
  return dated && berlinDay(at) !== berlinDay(Date.now()) ? { ...body, service_date: berlinDay(at) } : body;
}

// Whether the box has not decided: it is asked again later.
export const undecided = (answer) => answer.status === 0 || answer.status >= 500 || [401, 403, 408, 429].includes(answer.status);

async function pause(ms) {
  await new Promise((done) => {
    wake = done;
    if (ms !== Infinity) setTimeout(done, ms);
  });
}

// Where only the answer was lost before midnight, the box knows the question as it was asked then, and has its answer.
async function answerTo(item) {
  const body = bodyOf(item);
  const answer = await ask(item.path, body, { tries: 1, patience: PATIENCE });
  return answer.status === 409 && body !== item.body ? ask(item.path, item.body, { tries: 1, patience: PATIENCE }) : answer;
}

async function run() {
  if (running) return;
  running = true;
  for (let failed = 0; ; ) {
    added = false;
    const items = await mine();
    const item = items.find((each) => (each.bugs ?? 0) < MOST_TRIES_OF_A_BUG) ?? items[0];
    if (!item && added) continue;
    if (!item) break;
    const answer = await answerTo(item);
    if (!undecided(answer)) {
      forget(item);
      failed = 0;
      listener.answered(item, answer);
      continue;
    }
    if (answer.status === 500) keep({ ...item, bugs: (item.bugs ?? 0) + 1 });
    listener.waiting(await mine(), answer, item);
    // Who must show a PIN is not asked again and again: the next scan or the button does that.
    await pause(answer.status === 403 ? Infinity : PAUSES[Math.min(failed, PAUSES.length - 1)]);
    failed += 1;
  }
  running = false;
}

// Adds a question to the box. What is in `note` is kept beside it for showing the answer.
export function enqueue(path, body, note = {}) {
  last = Math.max(Date.now(), last + 1);
  const item = { key: `${PREFIX}${last}.${newId().slice(0, 8)}`, path, body, note, at: Date.now(), owner: me, training };
  keep(item);
  added = true;
  again();
  return item;
}

// Tries now instead of later.
export function again() {
  wake();
  run();
}

// How many wait, and the answers, go to `on`: {waiting(items, answer, item), answered(item, answer)}.
export async function startQueue(on) {
  listener = on;
  await name();
  const left = await mine();
  if (left.length > 0) on.waiting(left, null, null);
  run();
  window.addEventListener("online", again);
}
