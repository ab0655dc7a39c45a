// The words of the page's language, as the box wrote them into the page. A third language needs nothing here.

const words = JSON.parse(document.getElementById("texts").textContent);

export const lang = document.documentElement.lang;

// The word under "section.key"; {name} in it is filled from `values`.
export function t(key, values = {}) {
  const word = words[key] ?? key;
  return word.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const euros = (cents) => (cents / 100).toLocaleString(lang, { style: "currency", currency: "EUR" });

export const clock = (at) =>
  new Date(at).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Berlin" });
