// How the box is: today's count, what the office has not confirmed, how old its last word is, the clock; what waits for a card; open
// lessons. Looked at again when the box says that something happened, or now and then where it says nothing.

import { $, ask, look, toast } from "./box.js";
import { onNews } from "./events.js";
import { ownReaders, readerText, worstOf } from "./readers.js";
import { dayName, label, setClock, showLine } from "./service.js";
import { clock, locale, t } from "./texts.js";
import { typing } from "./wedge.js";

const EVERY_MS = 20_000;
const SOON_MS = 300; // a burst of scans is one look
const AGES = ["green", "amber", "red", "stale"];

let settle = () => {};
let soon;

function light(name, level, text) {
  const place = $(`#light-${name}`);
  place.dataset.level = level;
  $("span", place).textContent = text;
  place.hidden = text === "";
}

// An age for people: minutes, hours, days.
export function age(seconds) {
  if (seconds < 3600) return t("counter.minutes", { count: Math.max(1, Math.round(seconds / 60)) });
  if (seconds < 48 * 3600) return t("counter.hours", { count: Math.round(seconds / 3600) });
  return t("counter.days", { count: Math.round(seconds / 86_400) });
}

function showStatus(status) {
  setClock(status.clock.now);
  const worst = status.offices.map((office) => office.data_age ?? "stale").sort((a, b) => AGES.indexOf(b) - AGES.indexOf(a))[0];
  light("age", worst ?? "stale", worst ? t(`counter.age_${worst}`) : t("counter.no_office"));
  const old = status.oldest_pending_seconds ?? 0;
  const waiting = t("counter.waiting", { count: status.pending, age: age(old) });
  const busy = Math.max(0, ...status.offices.map((office) => office.again_in_seconds ?? 0));
  const unsent = busy > 0 ? t("counter.waiting_for_office", { seconds: busy }) : waiting;
  light("pending", old > 7 * 86_400 ? "amber" : "green", status.pending > 0 || busy > 0 ? unsent : t("counter.all_sent"));
  const suspect = status.clock.state === "suspect";
  light("clock", suspect ? "red" : "green", suspect ? t("counter.clock_suspect") : t("counter.clock_ok", { time: clock(status.clock.now) }));
  const backup = status.backup?.word;
  light("backup", status.backup?.grade === "bad" ? "red" : "amber", backup ? t(`counter.backup_${backup}`) : "");
  light("later", "amber", status.held > 0 ? t("counter.open_held", { count: status.held }) : "");
  $("#offices").replaceChildren(...status.offices.flatMap((office) => [
    Object.assign(document.createElement("dt"), { textContent: office.name }),
    Object.assign(document.createElement("dd"), { textContent: `${t(`counter.age_${office.data_age ?? "stale"}`)}${office.heard_at ? ` (${new Date(office.heard_at).toLocaleString(locale, { dateStyle: "short", timeStyle: "short", hourCycle: "h23", timeZone: "Europe/Berlin" })})` : ""}` }),
  ]));
  showLine();
}

function showReaders({ readers }) {
  const worst = worstOf(readers);
  $("#light-reader").title = readers.map(readerText).join("\n");
  light("reader", worst?.standing === "connected" ? "green" : "red", worst ? t(`reader.${worst.kind}_${worst.standing}_short`, { time: clock(worst.since) }) : "");
}

function line(parts, act) {
  const item = document.createElement("li");
  item.append(...parts.map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })));
  if (act) item.append(act);
  return item;
}

// A list of the day asks to make up for one of them: /?held=12.
function settleAsked(held) {
  const asked = new URLSearchParams(location.search).get("held");
  if (asked === null) return;
  history.replaceState(null, "", location.pathname);
  const entry = held.find((one) => String(one.seq) === asked);
  if (entry) settle(entry);
}

function showHeld({ held }) {
  settleAsked(held);
  $("#held-box").hidden = held.length === 0;
  $("#held").replaceChildren(...held.map((entry) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: t("counter.settle") });
    button.addEventListener("click", () => settle(entry));
    return line([["b", entry.alias], ["span", `${label(entry.service)} · ${dayName(entry.service_date)}`]], button);
  }));
}

// A lesson of an earlier day that nobody ended: it is off the list, and was never claimed.
async function discard(lesson) {
  const answer = await ask(`/api/v1/lessons/${lesson.id}/discarding`, {});
  if (!answer.ok) toast(answer.detail, "no");
  refreshSoon();
}

function showLessons({ lessons = [] }) {
  $("#lessons-box").hidden = lessons.length === 0;
  $("#lessons").replaceChildren(...lessons.map((lesson) => {
    const since = lesson.not_ended ? `${dayName(lesson.service_date)}, ${lesson.starts_at}` : lesson.starts_at;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "plain small", textContent: t("counter.discard_lesson") });
    button.addEventListener("click", () => discard(lesson));
    return line([["b", since], ["span", [lesson.hint ?? lesson.number, label(lesson.service)].filter(Boolean).join(" · ")]], lesson.not_ended ? button : null);
  }));
}

// Who pays for themselves is counted and listed like all others: nobody can tell from this screen who does.
function showDay(day) {
  const entries = day.entries.map((entry) => ({ ...entry, cancelled: entry.cancelled_by !== null }));
  const all = [...entries, ...day.pickups].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  $("#count").textContent = day.served;
  $("#today").replaceChildren(...all.slice(0, 12).map((entry) => {
    const item = line([["b", clock(entry.at)], ["span", entry.person?.name ?? entry.hint ?? "–"], ["span", label(entry.service)]]);
    if (entry.cancelled) {
      item.className = "cancelled";
      item.append(Object.assign(document.createElement("span"), { className: "tag", textContent: t("counter.cancelled") }));
    }
    return item;
  }));
  $("#nothing").hidden = all.length > 0;
}

async function refresh() {
  if (typing()) return refreshSoon();
  const lessons = $("[data-fields~=lesson]") ? look("/api/v1/lessons") : null;
  const own = ownReaders ? look("/api/v1/readers") : null;
  const asked = [look("/api/v1/status"), look("/api/v1/days/today"), look("/api/v1/held"), lessons, own];
  const [status, day, held, open, readers] = await Promise.all(asked);
  if (status) showStatus(status);
  else light("age", "red", t("counter.no_answer"));
  if (day) showDay(day);
  if (held) showHeld(held);
  if (open) showLessons(open);
  if (readers) showReaders(readers);
}

export function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refresh, SOON_MS);
}

// `on.settle(entry)` is called when somebody wants to make up for a held entry; `on.reached()` when the box can be reached again.
export function startLights(on) {
  settle = on.settle;
  refresh();
  setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
  onNews((what) => {
    refreshSoon();
    if (what !== "recorded") on.reached();
  });
}
