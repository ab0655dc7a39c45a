// Hand scanners that type like a keyboard, caught wherever the focus is. What they type is read twice, by the key that was pressed
// and by the character that came out of it, so that the keyboard settings of scanner and computer need not agree.

const IDLE_MS = 2500; // silence after which what was typed belongs together no longer
const LINE_MS = 150; // lines that follow each other faster come from one code
const FAST_MS = 60; // no person types faster than this for long
const CARELESS_MS = 100; // with our prefix, this is fast enough
const MOST_KEYS = 8192;
const FEWEST = 3; // fewer keys are a slip of a hand
// How every code begins: the prefix, then the first bytes of what it carries. Two codes typed without a pause are cut there.
const BEGINNING = /BUT(?:1GH4Q4|2GDC)/gi;

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const digits = "0123456789";

// What the keys type on a US keyboard: without and with Shift.
const US = {
  ...Object.fromEntries([...letters].map((letter) => [`Key${letter}`, letter.toLowerCase() + letter])),
  ...Object.fromEntries([...digits].map((digit, at) => [`Digit${digit}`, digit + ")!@#$%^&*("[at]])),
  ...Object.fromEntries([...digits].map((digit) => [`Numpad${digit}`, digit + digit])),
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:", Quote: "'\"",
  Comma: ",<", Period: ".>", Slash: "/?", Space: "  ", NumpadDecimal: "..", NumpadSubtract: "--", NumpadDivide: "//",
};
const shifted = Object.fromEntries([...digits].map((digit) => [`Digit${digit}`, " " + digit]));
// A scanner set to a Czech or French keyboard types digits with Shift; a French one has four letters elsewhere.
const CZ = { ...US, ...shifted, KeyY: "zZ", KeyZ: "yY" };
const FR = { ...US, ...shifted, KeyQ: "aA", KeyA: "qQ", KeyW: "zZ", KeyZ: "wW", Semicolon: "mM", KeyM: ",?" };

export const TEST_CODE = "TEST10123456789ABCDEFGHIJKLMNOPQRSTUVYZ";

// Whether the check digit of a card number is right (ISO 7064 MOD 11,10).
export function isCardNumber(text) {
  if (!/^\d{12}$/.test(text)) return false;
  let product = 10;
  for (const digit of text.slice(0, 11)) product = ((((Number(digit) + product) % 10 || 10) * 2) % 11);
  return (11 - product) % 10 === Number(text[11]);
}

// The part of a text that is ours by its form alone: a code, a card number, an enrolment code. Null where it is not.
export function ours(text) {
  const code = /^.{0,24}?(BUT[12][0-9A-V]{4,}|TEST1[0-9A-Z]{10,})$/is.exec(text.trim());
  if (code) return code[1];
  const slip = /^.{0,3}?(E[0-9A-V]{32} HTTPS?:\/\/\S+)$/is.exec(text.trim());
  if (slip) return slip[1];
  const plain = text.replace(/[\s-]/g, "");
  return isCardNumber(plain) || /^E[0-9A-V]{32}$/i.test(plain) ? plain : null;
}

const isAltGr = (key) => key.altgr || (key.ctrl && key.alt);

// The text that these keys type on a keyboard that `read` describes.
function reading(keys, read) {
  let text = "";
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at];
    if (key.alt && !isAltGr(key) && /^(Alt|Numpad\d)/.test(key.code)) {
      let number = "";
      while (keys[at + 1]?.alt && /^Numpad\d$/.test(keys[at + 1].code)) number += keys[(at += 1)].code.at(-1);
      if (number !== "") text += String.fromCharCode(Number(number));
    } else {
      text += read(key);
    }
  }
  return text;
}

const isCharacter = (text) => text.length === 1 || (text.length === 2 && text.codePointAt(0) > 0xffff); // an emoji is one, too
const byKey = (key) => (isCharacter(key.key) ? key.key : "");
const by = (layout) => (key) => (isAltGr(key) ? byKey(key) : layout[key.code]?.[key.shift ? 1 : 0] ?? byKey(key));

function median(keys) {
  const gaps = keys.slice(1).map((key, at) => key.at - keys[at].at).sort((a, b) => a - b);
  return gaps.length > 0 ? gaps[Math.floor(gaps.length / 2)] : Infinity;
}

// What keys say: the text, which keyboard it is read with, and what a test page wants to know.
function understood(keys, how) {
  const typed = reading(keys, byKey);
  const us = reading(keys, by(US));
  const about = { how, typed, gap: median(keys), caps: keys.some((key) => key.caps) };
  for (const [layout, read] of [["us", () => us], ["same", () => typed], ["fr", () => reading(keys, by(FR))], ["cz", () => reading(keys, by(CZ))]]) {
    const texts = apart(read());
    if (texts.some((text) => ours(text) !== null)) {
      const name = layout === "us" && us.toUpperCase() === typed.toUpperCase() ? "same" : layout;
      return { ours: true, texts: texts.map((text) => ours(text) ?? text), about: { ...about, layout: name } };
    }
  }
  const plain = (text) => /^[\x20-\x7e]+$/.test(text) && /^[A-Z\d: -]+$/i.test(text);
  const layout = plain(typed) || !plain(us) ? "same" : "us";
  return { ours: false, texts: [layout === "same" ? typed : us], about: { ...about, layout } };
}

// Cuts codes or card numbers apart that came without an end between them.
function apart(text) {
  const starts = [...text.matchAll(BEGINNING)].map((match) => match.index);
  if (starts.length > 1) return starts.map((start, at) => text.slice(at === 0 ? 0 : start, starts[at + 1]));
  const [one, two] = [text.trim().slice(0, 12), text.trim().slice(12)];
  return isCardNumber(one) && isCardNumber(two) ? [one, two] : [text];
}

function ending(key) {
  if (key.key === "Enter" || key.code === "NumpadEnter") return "enter";
  if (key.key === "Tab") return "tab";
  const control = key.ctrl && !isAltGr(key);
  if (key.key === "\u001d" || (control && key.code === "BracketRight")) return "gs";
  return control && (key.code === "KeyM" || key.code === "KeyJ") ? "enter" : null;
}

function counts(key) {
  if (key.alt && !isAltGr(key)) return /^(Alt|Numpad\d)/.test(key.code);
  if ((key.ctrl && !isAltGr(key)) || key.meta) return false;
  return isCharacter(key.key) || (["Dead", "Process", "Unidentified"].includes(key.key) && key.code in US);
}

// Puts keys together: pure, so that it can be tested over tables of keys {code, key, shift, ctrl, alt, altgr, caps, at (ms)}.
export class Assembly {
  keys = [];
  lines = []; // ended lines that are nothing of ours, perhaps of a longer text
  ended = -Infinity;

  // Takes a key. Returns the scans that are complete with it, and whether the key ended something.
  push(key) {
    const scans = [];
    const last = this.keys.at(-1)?.at ?? -Infinity;
    if (this.keys.length > 0 && key.at - last > IDLE_MS) scans.push(...this.idle());
    if (this.lines.length > 0 && key.at - this.ended > LINE_MS) scans.push(...this.flush());
    const how = ending(key);
    if (how === null) {
      if (counts(key) && this.keys.length < MOST_KEYS) this.keys.push(key);
      return { scans, ended: false };
    }
    const keys = this.keys.splice(0);
    if (keys.length === 0) return { scans, ended: false };
    const found = understood(keys, how);
    if (found.ours) {
      scans.push(...this.flush(), ...found.texts.map((text) => ({ text, ...found.about })));
      return { scans, ended: true };
    }
    if (keys.length < FEWEST || found.about.gap > FAST_MS) return { scans, ended: false };
    this.lines.push({ text: found.texts[0], ...found.about });
    this.ended = key.at;
    return { scans, ended: true };
  }

  // Nothing has come for a while: what is ours is taken although its end is missing, the rest was rubbish.
  idle() {
    const keys = this.keys.splice(0);
    const found = keys.length > 0 ? understood(keys, "idle") : { ours: false };
    return [...this.flush(), ...(found.ours ? found.texts.map((text) => ({ text, ...found.about })) : [])];
  }

  // The lines that were waiting for more, as one scan.
  flush() {
    const lines = this.lines.splice(0);
    return lines.length > 0 ? [{ ...lines[0], text: lines.map((line) => line.text).join("\n") }] : [];
  }

  // Whether what has come so far can only be a scanner that types a code.
  get begun() {
    if (this.keys.length < 4 || median(this.keys.slice(-8)) > CARELESS_MS) return false;
    const tail = this.keys.slice(-4);
    return [byKey, by(US), by(FR), by(CZ)].some((read) => /^(BUT[12]|TEST)$/i.test(reading(tail, read)));
  }

  get fast() {
    return this.keys.length > 1 && median(this.keys.slice(-6)) <= FAST_MS;
  }
}

// All scans in a list of keys.
export function assembled(events) {
  const assembly = new Assembly();
  return [...events.flatMap((key) => assembly.push(key).scans), ...assembly.idle()];
}

const assembly = new Assembly();
const handlers = [];
let before = null; // the field that had the focus when the first key came
let caught = false;
let waiting = null; // the timer that looks whether nothing more comes
let fires = 0; // when it looks (ms of the page's clock), and when nothing more has come long enough
let due = 0;
let touched = -Infinity; // when the last key came
let listening = false;

const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=file]), textarea, select, [contenteditable]";

const field = () => (document.activeElement?.matches(TYPED) ? document.activeElement : null);

function plain(event) {
  const on = (name) => event.getModifierState?.(name) ?? false;
  return {
    code: event.code ?? "", key: event.key ?? "", shift: event.shiftKey, ctrl: event.ctrlKey, alt: event.altKey, meta: event.metaKey,
    altgr: on("AltGraph"), caps: on("CapsLock"), at: event.timeStamp,
  };
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

// The field gets back what it held before the scanner typed into it; what a person had typed before that stays.
function restore(keys) {
  let first = Math.max(0, keys.length - 4);
  while (first > 0 && keys[first].at - keys[first - 1].at <= CARELESS_MS) first -= 1;
  const value = keys[first]?.value;
  if (!before || value === undefined || before.value === value) return;
  before.value = value;
  before.dispatchEvent(new Event("input", { bubbles: true }));
}

function deliver(scans) {
  for (const { text, ...about } of scans) hand(text, about);
}

// Hands a scan to whoever registered last, wherever it was read.
export function hand(text, about) {
  handlers.at(-1)?.(text, about);
}

// In a field a person may type fast, too: what has not our form is a scan there only when it can hardly be anything else.
function typedByHand(kind, keys) {
  const text = reading(keys, by(US));
  if (kind === "password") return /^\d{1,8}$/.test(text);
  return !(kind === "text" || kind === "search") || !/^(?=.*\d)[\dA-F]{8,20}$/i.test(text) || /^\d{1,9}$/.test(text);
}

// One timer for a whole scan: each key only moves what it waits for.
function lookAfter(ms) {
  due = touched + ms;
  if (waiting !== null && fires <= due) return;
  clearTimeout(waiting);
  fires = due;
  waiting = setTimeout(silent, ms);
}

function silent() {
  const left = due - performance.now();
  waiting = null;
  if (left > 0) {
    fires = due;
    waiting = setTimeout(silent, left);
  } else {
    deliver(assembly.keys.length > 0 ? assembly.idle() : assembly.flush());
  }
}

// Comes some eight hundred times a scan: what a key costs here, a slow tablet pays before its verdict.
function onKey(event) {
  if (event.repeat || event.isComposing || handlers.length === 0 || event.key === "Shift") return;
  const key = plain(event);
  touched = performance.now();
  if (assembly.keys.length === 0) {
    before = field();
    caught = false;
  }
  if (before && !caught) key.value = before.value;
  const ends = ending(key) !== null;
  const keys = ends ? [...assembly.keys] : [];
  if (before && !caught && ends && !understood(keys, "").ours && typedByHand(before.type, keys)) {
    assembly.keys = [];
    return;
  }
  const { scans, ended } = assembly.push(key);
  if (!caught && assembly.begun) {
    caught = true;
    restore(assembly.keys);
  }
  if (caught || ended || (!before && assembly.fast)) stop(event);
  if (ended && !caught) restore(keys);
  deliver(scans);
  lookAfter(assembly.keys.length > 0 ? IDLE_MS : LINE_MS);
}

// Whether a scanner is just typing: what can wait leaves the page to it.
export const typing = () => assembly.keys.length > 0 && performance.now() - touched < CARELESS_MS;

// Calls `handler(text, {layout, how, …})` for every scan; the one registered last has them all. Returns how to stop it.
export function onScan(handler) {
  handlers.push(handler);
  dispatchEvent(new Event("scans-wanted"));
  if (!listening) window.addEventListener("keydown", onKey, true);
  listening = true;
  return () => {
    const at = handlers.indexOf(handler);
    if (at >= 0) handlers.splice(at, 1);
    if (handlers.length === 0) dispatchEvent(new Event("scans-unwanted"));
  };
}
