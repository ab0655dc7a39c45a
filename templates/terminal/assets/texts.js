// The words of the page's language, as the box wrote them into the page. A third language needs nothing here.

const words = JSON.parse(document.getElementById("texts").textContent);

export const lang = document.documentElement.lang;

// How numbers and days are written: in English with days as 2026-11-25, as the box writes them into its pages.
export const locale = lang === "en" ? "en-CA" : lang;

// The word under "section.key"; {name} in it is filled from `values`.
export function t(key, values = {}) {
  const word = words[key] ?? key;
  return word.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const euros = (cents) => (cents / 100).toLocaleString(locale, { style: "currency", currency: "EUR" });

// Made once: making one costs a hundred times what using it does.
const timeOfDay = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Berlin" });
const dayOfYear = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin" });

const moments = new Intl.DateTimeFormat(locale, { day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Berlin" });

export const moment = (at) => moments.format(new Date(at));
export const clock = (at) => timeOfDay.format(new Date(at));

// The day here at a time, as 2026-11-25.
export const berlinDay = (at) => dayOfYear.format(new Date(at));
